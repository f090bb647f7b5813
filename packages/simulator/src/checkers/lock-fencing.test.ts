import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandBody, encodeCommand, MemoryEngine, Store } from '@quorate/kv';
import { FencedResource } from '../workload/fenced-resource.ts';
import type { LockAct, LockTurn } from '../workload/lock-record.ts';
import { actFenced, enterQueue, guardedValue, leaveQueue, lockKey } from '../workload/lock-requests.ts';
import { type GuardedWrite, GuardedWrites } from './guarded-writes.ts';
import { checkLockFencing, type LockHistory } from './lock-fencing.ts';

function judged(history: Partial<LockHistory>): string | null {
  const nothing = { turns: [], acts: [], outside: [], writes: [] };
  return checkLockFencing({ ...nothing, ...history })?.property ?? null;
}

function turn(client: string, token: number, askedUs: number): LockTurn {
  return { client, token, askedUs, toldUs: askedUs + 10 };
}

function write(token: number, revision: number, queue: readonly number[]): GuardedWrite {
  const value = `key${token} ${token} act${revision}`;
  return {
    revision,
    value,
    token,
    key: `key${token}`,
    queue: queue.map((at) => ({ key: `key${at}`, token: at })),
  };
}

test('holders whose tokens go back are found, and a token that two have', () => {
  assert.equal(judged({ turns: [turn('a', 5, 0), turn('b', 7, 20)] }), null);
  assert.equal(judged({ turns: [turn('a', 7, 0), turn('b', 5, 20)] }), 'lock-fencing');
  assert.equal(judged({ turns: [turn('a', 7, 0), turn('b', 5, 5)] }), null, 'nobody knows which was first');
  assert.equal(judged({ turns: [turn('a', 5, 0), turn('b', 5, 20)] }), 'lock-fencing');
});

test('acts are found that were accepted after those of a later holder, or from one who has no key', () => {
  assert.equal(judged({ writes: [write(5, 10, [5, 7]), write(7, 12, [7])] }), null);
  assert.equal(judged({ writes: [write(7, 10, [7]), write(5, 12, [5])] }), 'lock-fencing');
  assert.equal(judged({ writes: [write(5, 10, [7])] }), 'lock-fencing', 'its key is gone');
  assert.equal(judged({ writes: [write(7, 10, [5, 7])] }), 'lock-fencing', 'it is not the first');
});

test('a resource outside refuses a holder that comes late; one that does not is found', () => {
  const resource = new FencedResource();
  for (const token of [5, 7, 5, 7]) resource.act('a', token);
  assert.deepEqual(
    resource.acts.map(({ isAccepted }) => isAccepted),
    [true, true, false, true],
  );
  assert.equal(judged({ outside: resource.acts }), null);
  const unfenced = resource.acts.map((act) => ({ ...act, isAccepted: true }));
  assert.equal(judged({ outside: unfenced }), 'lock-fencing');
});

test('answers that the log contradicts are found', () => {
  const done = write(5, 10, [5]);
  const act: LockAct = { client: 'a', token: 5, value: done.value, isAccepted: true, revision: 10 };
  assert.equal(judged({ writes: [done], acts: [act] }), null);
  assert.equal(judged({ writes: [done], acts: [{ ...act, isAccepted: false }] }), 'lock-fencing');
  assert.equal(judged({ writes: [done], acts: [{ ...act, revision: 9 }] }), 'lock-fencing');
  assert.equal(judged({ writes: [], acts: [act] }), 'lock-fencing');
});

test('the recipe on a store: a place in the queue, acts of its holder, none after it has left', () => {
  const store = Store.open(new MemoryEngine());
  const writes = new GuardedWrites();
  const apply = (body: CommandBody): number => {
    const data = encodeCommand({ requestId: undefined, body });
    store.apply([{ index: store.appliedIndex + 1, term: 1, data }]);
    writes.observe(store);
    return store.revision;
  };
  apply({ $case: 'leaseGrant', leaseGrant: { ID: 7n, TTL: 10 } });
  const token = apply(enterQueue(7n));
  assert.equal(apply(enterQueue(7n)), token, 'it has its place');
  const value = guardedValue(7n, token, 'a.1');
  const revision = apply(actFenced(7n, token, value));
  apply(leaveQueue(7n, token));
  apply(actFenced(7n, token, guardedValue(7n, token, 'a.2')));
  const key = lockKey(7n);
  assert.deepEqual(writes.all, [{ revision, value, key, token, queue: [{ key, token }] }]);
  assert.equal(judged({ writes: writes.all }), null);
});
