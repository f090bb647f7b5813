import type { QuorateError } from '@quorate/client';

/** What the exit code of a command means. Stable: scripts depend on it. The help and docs/cli.md print it. */
export const exitCodes = {
  ok: { code: 0, meaning: 'done' },
  error: { code: 1, meaning: 'the request was refused, or something else went wrong' },
  usage: { code: 2, meaning: 'the command line, or what was read from standard input, makes no sense' },
  notFound: { code: 3, meaning: 'get: the key does not exist' },
  unavailable: {
    code: 4,
    meaning: 'no member could be reached, there is no leader, or no answer came in time',
  },
  unknownOutcome: { code: 5, meaning: 'a write was sent and its answer lost: it may have taken effect' },
  mustNotRun: {
    code: 6,
    meaning:
      'serve: the member was removed from its cluster, or has lost its data; it must not be started again as it is',
  },
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]['code'];

/** The exit code for an error of the client. */
export function exitCodeOf(error: QuorateError): ExitCode {
  if (error.outcome === 'unknown') return exitCodes.unknownOutcome.code;
  return error.isOutage ? exitCodes.unavailable.code : exitCodes.error.code;
}
