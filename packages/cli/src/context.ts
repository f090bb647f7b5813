import type { Readable, Writable } from 'node:stream';

/** An input that may be a terminal. */
export type Input = Readable & { readonly isTTY?: boolean };

/** An output that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** What a command may touch of the world. Tests give it streams of their own. */
export type Context = {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start. */
  readonly directory: string;
  /** This program's own file: what `node` runs to run a command as another process. */
  readonly entry: string;
  /** Asks a person for a line; null when there are no more. Absent if a command may read `stdin` itself. */
  readonly ask?: (prompt: string) => Promise<string | null>;
  /** Gives a command up when aborted: Ctrl-C in the shell. */
  readonly signal?: AbortSignal;
};
