import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A directory of its own for one test; `await using` removes it at the end, unless the environment variable
 * QUORATE_KEEP_TEST_DATA is set or somebody wants to keep it: then it prints where it is.
 */
export class TemporaryDirectory implements AsyncDisposable {
  readonly path: string;
  #isKept = process.env['QUORATE_KEEP_TEST_DATA'] !== undefined;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<TemporaryDirectory> {
    return new TemporaryDirectory(await mkdtemp(join(tmpdir(), 'quorate-test-')));
  }

  /** It is not removed at the end. */
  keep(): void {
    this.#isKept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isKept) {
      console.log(`kept ${this.path}`);
      return;
    }
    await rm(this.path, { recursive: true, force: true });
  }
}
