import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandResponse } from '@quorate/kv';
import { toTerm } from '@quorate/raft';
import { PendingWrites } from './pending-writes.ts';
import { ReplicaError } from './replica-error.ts';

const response = { $case: 'compaction' } as unknown as CommandResponse;
const data = new Uint8Array(10);

function pendingWrites(): PendingWrites {
  return new PendingWrites({ maxCount: 3, maxBytes: 100 });
}

async function codeOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return 'answered';
  } catch (error) {
    assert.ok(error instanceof ReplicaError);
    return error.code;
  }
}

test('a write is proposed once and answered by its result', async () => {
  const writes = pendingWrites();
  const answer = writes.add(1, data, { deadlineMs: 100 });
  assert.deepEqual(writes.takeBatch(toTerm(2)), [{ id: 1, data }]);
  assert.deepEqual(writes.takeBatch(toTerm(2)), []);
  writes.settle(1, { ok: true, response });
  assert.equal(await answer, response);
  assert.equal(writes.size, 0);
});

test('a write that was never proposed has certainly no effect when its deadline passes', async () => {
  const writes = pendingWrites();
  const answer = writes.add(1, data, { deadlineMs: 100 });
  writes.expire(99);
  assert.equal(writes.size, 1);
  writes.expire(100);
  assert.equal(await codeOf(answer), 'no-leader');
});

test('the outcome of a proposed write is unknown when its deadline passes', async () => {
  const writes = pendingWrites();
  const answer = writes.add(1, data, { deadlineMs: 100 });
  writes.takeBatch(toTerm(2));
  writes.expire(100);
  assert.equal(await codeOf(answer), 'unknown-outcome');
});

test('a write of an earlier term that a later term does not contain is proposed again', async () => {
  const writes = pendingWrites();
  const answer = writes.add(1, data, { deadlineMs: 100 });
  writes.takeBatch(toTerm(2));
  writes.termApplied(toTerm(2));
  assert.deepEqual(writes.takeBatch(toTerm(3)), [], 'its own term may still commit it');
  writes.termApplied(toTerm(3));
  assert.deepEqual(writes.takeBatch(toTerm(3)), [{ id: 1, data }]);
  writes.settle(1, { ok: true, response });
  assert.equal(await answer, response);
});

test('a refused write waits for another leader; a refusal for lack of room is final', async () => {
  const writes = pendingWrites();
  const first = writes.add(1, data, { deadlineMs: 100 });
  const second = writes.add(2, data, { deadlineMs: 100 });
  writes.takeBatch(toTerm(2));
  writes.refuse(1, 'not-leader');
  writes.refuse(2, 'uncommitted-limit');
  assert.equal(await codeOf(second), 'overloaded');
  assert.deepEqual(writes.takeBatch(toTerm(3)), [{ id: 1, data }]);
  writes.settle(1, { ok: true, response });
  await first;
});

test('count and bytes are bounded, also by writes that were given up', async () => {
  const writes = pendingWrites();
  assert.throws(() => writes.add(9, new Uint8Array(101), { deadlineMs: 1 }), { code: 'overloaded' });
  const abort = new AbortController();
  const answers = [1, 2, 3].map((id) => writes.add(id, data, { deadlineMs: 100, signal: abort.signal }));
  assert.throws(() => writes.add(4, data, { deadlineMs: 100 }), { code: 'overloaded' });
  abort.abort();
  for (const answer of answers) {
    assert.equal(await codeOf(answer), 'cancelled');
  }
  assert.equal(writes.hasWaiting, false, 'what was given up holds no memory');
  const expired = writes.add(6, data, { deadlineMs: 50 });
  writes.expire(50);
  assert.equal(await codeOf(expired), 'no-leader');
  assert.equal(writes.hasWaiting, false);
  const next = writes.add(5, data, { deadlineMs: 100 });
  assert.deepEqual(writes.takeBatch(toTerm(1)), [{ id: 5, data }], 'what was given up is not proposed');
  writes.settle(5, { ok: true, response });
  await next;
});

test('a stopping member tells what is known of each write', async () => {
  const writes = pendingWrites();
  const proposed = writes.add(1, data, { deadlineMs: 100 });
  writes.takeBatch(toTerm(2));
  const waiting = writes.add(2, data, { deadlineMs: 100 });
  writes.stop();
  assert.equal(await codeOf(proposed), 'unknown-outcome');
  assert.equal(await codeOf(waiting), 'stopped');
});

test('a write that a snapshot may hold has an unknown outcome, and one that it cannot hold waits on', async () => {
  const writes = pendingWrites();
  const earlier = writes.add(1, data, { deadlineMs: 100 });
  writes.takeBatch(toTerm(2));
  const same = writes.add(2, data, { deadlineMs: 100 });
  writes.takeBatch(toTerm(3));
  const later = writes.add(3, data, { deadlineMs: 100 });
  writes.takeBatch(toTerm(4));
  writes.snapshotInstalled(toTerm(3));
  assert.deepEqual([await codeOf(earlier), await codeOf(same)], ['unknown-outcome', 'unknown-outcome']);
  writes.termApplied(toTerm(3));
  assert.deepEqual(writes.takeBatch(toTerm(4)), []);
  writes.settle(3, { ok: true, response });
  assert.equal(await later, response);
});
