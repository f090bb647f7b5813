import type { Logger } from '@quorate/replica';
import { pino, stdTimeFunctions } from 'pino';
import type { ServerConfiguration } from '../configuration/server-configuration.ts';
import { prettyLine } from './pretty-lines.ts';

/** Where lines go; `process.stderr` is one. */
export type LogStream = {
  write(text: string): unknown;
  /** A person is watching. */
  readonly isTTY?: boolean | undefined;
};

/** A member's log, in the format and from the level on that its configuration asks for. Each line names the member. */
export function createLogger(
  configuration: Pick<ServerConfiguration, 'name' | 'logLevel' | 'logFormat'>,
  stream: LogStream,
): Logger {
  const { name, logLevel, logFormat } = configuration;
  const pretty = logFormat === 'pretty' || (logFormat === 'auto' && stream.isTTY === true);
  const options = {
    level: logLevel,
    base: { member: name },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, {
    write: (line: string) => stream.write(pretty ? prettyLine(line, stream.isTTY === true) : line),
  });
}
