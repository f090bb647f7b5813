import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandBody, encodeCommand, MemoryEngine, Store } from '@quorate/kv';
import { toMemberId, toTerm } from '@quorate/raft';
import { seededRandom } from '@quorate/storage/testing';
import { ManualClock } from '../testing/manual-clock.ts';
import { silentLogger } from '../testing/replica-cluster.ts';
import { LeaseExpiry } from './lease-expiry.ts';
import { defaultLeaseLimits } from './lease-limits.ts';
import { LeaseTimekeeper } from './lease-timekeeper.ts';

test('a lease that is granted while another one of its id is about to be ended is left alone', async () => {
  const term = toTerm(1);
  const clock = new ManualClock();
  const store = Store.open(new MemoryEngine());
  const apply = (body: CommandBody): void => {
    const data = encodeCommand({ requestId: undefined, body });
    store.apply([{ index: store.appliedIndex + 1, term, data }]);
  };
  const confirmation = Promise.withResolvers<void>();
  const proposed: CommandBody[] = [];
  const host = {
    memberId: toMemberId(1n),
    store,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    tickMs: 100,
    electionTimeoutMs: 1_000,
    leader: () => toMemberId(1n),
    propose: () => assert.fail('nothing is proposed again and again'),
    proposeOnce: async (body: CommandBody) => {
      proposed.push(body);
      return { $case: 'leaseCheckpoint' } as const;
    },
    linearize: async () => confirmation.promise,
    callPeer: () => assert.fail('nobody is asked'),
  };
  const timekeeper = new LeaseTimekeeper(store);
  const expiry = new LeaseExpiry(host, timekeeper, defaultLeaseLimits);
  for (const ID of [7n, 8n]) apply({ $case: 'leaseGrant', leaseGrant: { ID, TTL: 1 } });
  timekeeper.begin(term, clock.monotonicMs());
  expiry.tick(term);
  await clock.advance(1_000);
  expiry.tick(term);
  apply({ $case: 'leaseRevoke', leaseRevoke: { id: 7n, expiredInTerm: 0 } });
  apply({ $case: 'leaseGrant', leaseGrant: { ID: 7n, TTL: 60 } });
  timekeeper.granted(7n, clock.monotonicMs());
  confirmation.resolve();
  await expiry.close();
  const ended = proposed.flatMap((body) => (body.$case === 'leaseRevoke' ? [body.leaseRevoke.id] : []));
  assert.deepEqual(ended, [8n]);
});
