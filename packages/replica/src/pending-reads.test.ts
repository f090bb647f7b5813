import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLogIndex } from '@quorate/raft';
import { PendingReads } from './pending-reads.ts';
import { ReplicaError } from './replica-error.ts';

const at = toLogIndex;

function pendingReads(): PendingReads {
  return new PendingReads({ maxCount: 3, retryMs: 50 });
}

/** Tells how a read ended, or `waiting`. */
function watch(read: Promise<void>): { readonly outcome: () => Promise<string> } {
  let outcome = 'waiting';
  read.then(
    () => {
      outcome = 'served';
    },
    (error: unknown) => {
      outcome = error instanceof ReplicaError ? error.code : 'other';
    },
  );
  return {
    outcome: async () => {
      await Promise.resolve();
      await Promise.resolve();
      return outcome;
    },
  };
}

test('reads that arrive while an index is asked for share the next', async () => {
  const reads = pendingReads();
  const first = watch(reads.add({ deadlineMs: 100 }));
  assert.equal(reads.nextBatch(0), 1);
  const second = watch(reads.add({ deadlineMs: 100 }));
  assert.equal(reads.nextBatch(0), null);
  reads.ready(1, at(7), at(7));
  assert.equal(await first.outcome(), 'served');
  assert.equal(await second.outcome(), 'waiting', 'the first index may be older than the second read');
  assert.equal(reads.nextBatch(0), 2);
  reads.ready(2, at(8), at(7));
  assert.equal(await second.outcome(), 'waiting', 'the state machine is not there yet');
  reads.applied(at(8));
  assert.equal(await second.outcome(), 'served');
  assert.equal(reads.size, 0);
});

test('a refused or lost question is asked again under a new id, and late answers to the old are ignored', async () => {
  const reads = pendingReads();
  const read = watch(reads.add({ deadlineMs: 1000 }));
  assert.equal(reads.nextBatch(0), 1);
  reads.refused(1);
  assert.equal(reads.nextBatch(10), 2);
  reads.expire(59, true);
  assert.equal(reads.nextBatch(59), null);
  reads.expire(60, true);
  assert.equal(reads.nextBatch(60), 3);
  reads.ready(2, at(1), at(5));
  assert.equal(await read.outcome(), 'waiting');
  reads.ready(3, at(5), at(5));
  assert.equal(await read.outcome(), 'served');
});

test('the deadline ends a read: without a leader it says so', async () => {
  const reads = pendingReads();
  const leaderless = watch(reads.add({ deadlineMs: 100 }));
  const confirmed = watch(reads.add({ deadlineMs: 200 }));
  reads.expire(100, false);
  assert.equal(await leaderless.outcome(), 'no-leader');
  assert.equal(await confirmed.outcome(), 'waiting');
  reads.expire(200, true);
  assert.equal(await confirmed.outcome(), 'timed-out');
  assert.equal(reads.nextBatch(200), null);
});

test('the number of reads is bounded, and a caller that gives up makes room', async () => {
  const reads = pendingReads();
  const abort = new AbortController();
  const given = [1, 2, 3].map(() => watch(reads.add({ deadlineMs: 100, signal: abort.signal })));
  assert.throws(() => reads.add({ deadlineMs: 100 }), { code: 'overloaded' });
  abort.abort();
  assert.equal(await given[0]?.outcome(), 'cancelled');
  const read = watch(reads.add({ deadlineMs: 100 }));
  assert.equal(reads.nextBatch(0), 1);
  reads.ready(1, at(1), at(1));
  assert.equal(await read.outcome(), 'served');
});

test('a stopping member answers every read', async () => {
  const reads = pendingReads();
  const asked = watch(reads.add({ deadlineMs: 100 }));
  reads.nextBatch(0);
  const unasked = watch(reads.add({ deadlineMs: 100 }));
  reads.stop();
  assert.equal(await asked.outcome(), 'stopped');
  assert.equal(await unasked.outcome(), 'stopped');
});
