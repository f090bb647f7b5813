import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { endWithTests } from '../../system/harness/command.ts';
import { eventually } from '../../system/harness/eventually.ts';

/** A command that goes on until it is ended, and whose output grows meanwhile. */
export class RunningCommand implements AsyncDisposable {
  output = '';
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(file: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(file, args, { env: { ...process.env, ...environment } });
    endWithTests(this.#child);
    this.#child.stdin.on('error', () => undefined); // It may end without reading all of its input.
    const append = (chunk: Buffer): void => {
      this.output += chunk.toString();
    };
    this.#child.stdout.on('data', append);
    this.#child.stderr.on('data', append);
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Waits until the output is this. */
  async prints(expected: string | RegExp): Promise<void> {
    await eventually(`the output is ${String(expected)}`, () => {
      if (typeof expected === 'string') assert.equal(this.output, expected);
      else assert.match(this.output, expected);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
