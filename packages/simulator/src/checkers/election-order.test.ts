import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandBody, encodeCommand, MemoryEngine, Store } from '@quorate/kv';
import type { LeaderSighting, Proclamation } from '../workload/lock-record.ts';
import { enterQueue, firstInQueue, leaveQueue, lockKey, proclaim } from '../workload/lock-requests.ts';
import { toText } from '../workload/requests.ts';
import { checkElectionOrder, type ElectionHistory } from './election-order.ts';

function judged(history: Partial<ElectionHistory>): string | null {
  const nothing = { turns: [], proclamations: [], sightings: [] };
  return checkElectionOrder({ ...nothing, ...history })?.property ?? null;
}

function saw(token: number, revision: number, askedUs: number, value = ''): LeaderSighting {
  return { client: 'a', token, revision, value, askedUs, toldUs: askedUs + 10 };
}

test('a leader that is seen again after its successor was, and an older value of the same one, are found', () => {
  assert.equal(judged({ sightings: [saw(5, 5, 0), saw(5, 8, 20), saw(7, 7, 40)] }), null, 'a successor');
  assert.equal(judged({ sightings: [saw(7, 7, 0), saw(5, 5, 20)] }), 'election-order');
  assert.equal(judged({ sightings: [saw(5, 8, 0), saw(5, 5, 20)] }), 'election-order');
  assert.equal(judged({ sightings: [saw(7, 7, 0), saw(5, 5, 5)] }), null, 'nobody knows which was first');
});

test('who was elected or has proclaimed is seen by who asks then, with the value that it proclaimed', () => {
  const turns = [{ client: 'b', token: 7, askedUs: 0, toldUs: 10 }];
  assert.equal(judged({ turns, sightings: [saw(7, 7, 20)] }), null);
  assert.equal(judged({ turns, sightings: [saw(5, 5, 20)] }), 'election-order');
  const proclamations: Proclamation[] = [{ client: 'b', token: 7, value: 'v', revision: 9, toldUs: 30 }];
  assert.equal(judged({ proclamations, sightings: [saw(7, 9, 40, 'v'), saw(7, 7, 20)] }), null);
  assert.equal(judged({ proclamations, sightings: [saw(7, 7, 40)] }), 'election-order');
  assert.equal(judged({ proclamations, sightings: [saw(7, 9, 40, 'w')] }), 'election-order');
});

test('the recipe on a store: who is first leads, with what it proclaims as long as it has its place', () => {
  const store = Store.open(new MemoryEngine());
  const apply = (body: CommandBody): number => {
    const data = encodeCommand({ requestId: undefined, body });
    store.apply([{ index: store.appliedIndex + 1, term: 1, data }]);
    return store.revision;
  };
  const leader = (): readonly unknown[] =>
    store.range(firstInQueue()).kvs.map(({ key, createRevision, value, lease }) => {
      return [toText(key), createRevision, toText(value), lease];
    });
  for (const ID of [7n, 8n]) apply({ $case: 'leaseGrant', leaseGrant: { ID, TTL: 10 } });
  assert.deepEqual(leader(), []);
  const first = apply(enterQueue(7n));
  const second = apply(enterQueue(8n));
  apply(proclaim(7n, first, 'one'));
  assert.deepEqual(leader(), [[lockKey(7n), first, 'one', 7n]]);
  apply(leaveQueue(7n, first));
  apply(proclaim(7n, first, 'again'));
  assert.deepEqual(leader(), [[lockKey(8n), second, '', 8n]]);
});
