import { exitCodes } from './exit-code.ts';

export type CliErrorOptions = {
  /** Default 1. Another program's exit code is passed on as it is. */
  readonly exitCode?: number;
  readonly hint?: string;
  readonly isReported?: boolean;
  readonly cause?: unknown;
};

/** An error that a person can do something about. Its message is one line for each thing, without a full stop. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;
  /** What to do about it: full sentences, or null. */
  readonly hint: string | null;
  /** It has been told already; only the exit code is left to be set. */
  readonly isReported: boolean;

  constructor(message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? exitCodes.error.code;
    this.hint = options.hint ?? null;
    this.isReported = options.isReported ?? false;
  }
}

/** The command line, or input in a language of ours, makes no sense. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { exitCode: exitCodes.usage.code, ...(hint === undefined ? {} : { hint }) });
}
