import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A `quorate` process whose output a test can wait for. Killed, if it still runs, by `await using`. */
export class QuorateProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #waiters = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #isGone = false;

  constructor(args: readonly string[], directory: string) {
    const entry = join(import.meta.dirname, '..', 'main.ts');
    this.#child = spawn(process.execPath, ['--conditions=quorate-source', entry, ...args], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
      this.#wake();
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.#ended = once(this.#child, 'close').then(() => {
      this.#isGone = true;
      this.#wake();
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until standard output has something; rejects if the process ends before. */
  async sees(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stdout);
      if (found !== null) return found;
      if (this.#isGone) throw new Error(`${pattern} was not seen in:\n${this.#stdout}${this.#stderr}`);
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for the end; resolves to the exit code, or to null after a signal. */
  async exitCode(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #wake(): void {
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }
}
