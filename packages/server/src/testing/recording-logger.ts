import type { Logger } from '@quorate/replica';

/** Remembers what was logged, as `level: message`. */
export class RecordingLogger implements Logger {
  readonly lines: string[] = [];

  trace(_fields: object, message: string): void {
    this.lines.push(`trace: ${message}`);
  }

  debug(_fields: object, message: string): void {
    this.lines.push(`debug: ${message}`);
  }

  info(_fields: object, message: string): void {
    this.lines.push(`info: ${message}`);
  }

  warn(_fields: object, message: string): void {
    this.lines.push(`warn: ${message}`);
  }

  error(_fields: object, message: string): void {
    this.lines.push(`error: ${message}`);
  }

  child(): Logger {
    return this;
  }

  /** How many lines contain the text. */
  count(text: string): number {
    return this.lines.filter((line) => line.includes(text)).length;
  }
}
