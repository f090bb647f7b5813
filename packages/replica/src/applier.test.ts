import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, Store } from '@quorate/kv';
import { type Entry, toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import { Applier } from './applier.ts';
import { PendingReads } from './pending-reads.ts';
import { PendingWrites } from './pending-writes.ts';
import { defaultLimits } from './testing/replica-cluster.ts';

const configuration = { voters: [], outgoingVoters: [], learners: [], learnersNext: [], addresses: [] };

function applierWith(): { applier: Applier; writes: PendingWrites; store: Store } {
  const store = Store.open(new MemoryEngine());
  const writes = new PendingWrites({ maxCount: 10, maxBytes: 1000 });
  const reads = new PendingReads({ maxCount: 10, retryMs: 100 });
  const options = { memberId: toMemberId(1n), store, limits: defaultLimits };
  return { applier: new Applier(options, writes, reads), writes, store };
}

function noOp(index: number, term: number): Entry {
  return { kind: 'no-op', index: toLogIndex(index), term: toTerm(term) };
}

test('entries are applied batch by batch', () => {
  const { applier, store } = applierWith();
  applier.add([noOp(1, 1), noOp(2, 1)]);
  applier.add([noOp(3, 1)]);
  assert.equal(applier.applyNext()?.last.index, 2);
  assert.equal(store.appliedIndex, 2);
  assert.equal(applier.applyNext()?.last.index, 3);
  assert.equal(applier.applyNext(), null);
});

test('what was handed out before the state machine is replaced is never applied', () => {
  const { applier, store } = applierWith();
  applier.add([noOp(1, 1)]);
  applier.drop();
  assert.equal(applier.applyNext(), null);
  assert.equal(store.appliedIndex, 0);
});

test('a write that the snapshot may hold is not proposed again', async () => {
  const { applier, writes } = applierWith();
  const answer = writes.add(1, new Uint8Array(1), { deadlineMs: 100 });
  writes.takeBatch(toTerm(2));
  applier.replaced({ index: toLogIndex(9), term: toTerm(3), configuration });
  // If it waited to be proposed again, nobody would answer it.
  assert.equal(writes.hasWaiting, false);
  await assert.rejects(answer, { code: 'unknown-outcome' });
});
