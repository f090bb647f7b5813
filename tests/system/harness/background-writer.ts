import assert from 'node:assert/strict';
import type { QuorateClient } from '@quorate/client';
import { eventually } from './eventually.ts';

/**
 * Writes key after key while a test does harm to the cluster, and remembers what was acknowledged. Every key
 * is written once, so what was acknowledged must be there afterwards, whatever became of the others.
 */
export class BackgroundWriter {
  readonly acknowledged = new Map<string, string>();
  /** What the client gave up on, in its words: nothing is promised of these writes. */
  readonly failures: string[] = [];
  #stopping = false;
  readonly #loops: readonly Promise<void>[];

  /** Starts at once, with `parallel` requests in flight. */
  constructor(client: QuorateClient, prefix: string, parallel = 4) {
    this.#loops = Array.from({ length: parallel }, (_, index) => this.#loop(client, `${prefix}/${index}`));
  }

  /** Waits until `count` more writes are acknowledged: the cluster makes progress again. */
  async progress(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    await eventually(`${count} more acknowledged writes`, () => {
      assert(this.acknowledged.size >= wanted, `${this.acknowledged.size} of ${wanted}`);
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#loops);
  }

  /** Asserts that the content of the store (lines `key=value ...`) has every acknowledged write. */
  assertContained(content: readonly string[]): void {
    const found = new Set(content.map((line) => line.split(' ')[0]));
    const lost = [...this.acknowledged].filter(([key, value]) => !found.has(`${key}=${value}`));
    assert.deepEqual(lost, [], `${lost.length} of ${this.acknowledged.size} acknowledged writes are lost`);
  }

  async #loop(client: QuorateClient, prefix: string): Promise<void> {
    for (let number = 0; !this.#stopping; number += 1) {
      const key = `${prefix}/${number}`;
      const value = `value-${number}`;
      const acknowledged = await client.put(key, value, { timeoutMs: 5_000 }).then(
        () => true,
        (error: unknown) => {
          this.failures.push(String(error));
          return false;
        },
      );
      if (acknowledged) {
        this.acknowledged.set(key, value);
      }
    }
  }
}
