import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { QuorateError, type QuorateClient } from '@quorate/client';

/** Much longer than anything takes on a busy machine: only a test that fails waits for it. */
const deadlineMs = 60_000;
const pauseMs = 50;

/** Thrown by a probe when waiting longer is of no use: the wait ends at once. */
export class HopelessError extends Error {
  override readonly name = 'HopelessError';
}

/**
 * Repeats `probe` until it resolves, and returns what it resolved to. A probe says "not yet" by rejecting, for
 * instance through an assertion; the last reason is part of the error when the deadline passes.
 */
export async function eventually<T>(what: string, probe: () => Promise<T> | T): Promise<T> {
  const giveUpMs = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (error instanceof HopelessError) {
        throw error;
      }
      if (performance.now() > giveUpMs) {
        throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: error });
      }
    }
    await sleep(pauseMs);
  }
}

/** Asserts that `work` rejects with an error whose `code` is one of `codes`, and returns that code. */
export async function rejectsWithCode(work: Promise<unknown>, ...codes: readonly string[]): Promise<string> {
  try {
    await work;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : `no code: ${String(error)}`;
    assert(codes.includes(code), `expected ${codes.join(' or ')}, got ${code}: ${String(error)}`);
    return code;
  }
  return assert.fail(`expected ${codes.join(' or ')}, but it succeeded`);
}

/**
 * Puts until it is acknowledged. A put whose answer was lost with its connection is repeated, which the
 * client itself may not do; any other error is thrown.
 */
export async function putUntilAcknowledged(client: QuorateClient, key: string, value: string): Promise<void> {
  await eventually('the put is acknowledged', async () => {
    try {
      await client.put(key, value);
    } catch (error) {
      const isRepeatable = error instanceof QuorateError && error.code === 'unknown-outcome';
      throw isRepeatable ? error : new HopelessError('the put failed', { cause: error });
    }
  });
}
