import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ExpiringPutRequest,
  LeaseLeasesRequest,
  leaseService,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
} from '@quorate/protocol';
import { ManualClock } from '../testing/manual-clock.ts';
import { TestFrontend } from '../testing/test-frontend.ts';

const { leaseKeepAlive } = leaseService.methods;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe('leases', () => {
  test('are granted, attached, listed and revoked', async () => {
    await using frontend = await TestFrontend.open();
    const { lease, kv } = frontend.client;
    const granted = await lease.leaseGrant({ ID: 7n, TTL: 60 });
    assert.partialDeepStrictEqual(granted, { ID: 7n, TTL: 60, error: '' });
    assert.partialDeepStrictEqual(granted.header, { revision: 1, raftTerm: 7, memberId: frontend.member.id });
    for (const key of ['b', 'a']) await kv.put(PutRequest.create({ key: bytes(key), lease: 7n }));
    const life = await lease.leaseTimeToLive({ ID: 7n, keys: true });
    assert.deepEqual(
      life.keys.map((key) => Buffer.from(key).toString()),
      ['a', 'b'],
    );
    assert.deepEqual([life.TTL <= 60 && life.TTL > 50, life.grantedTTL], [true, 60]);
    assert.deepEqual((await lease.leaseTimeToLive({ ID: 7n, keys: false })).keys, []);
    const { ID } = await lease.leaseGrant({ ID: 0n, TTL: 1 });
    assert.ok(ID > 0n);
    const listed = await lease.leaseLeases(LeaseLeasesRequest.create({}));
    assert.deepEqual(
      listed.leases.map((entry) => entry.ID),
      [7n, ID],
    );
    assert.equal((await lease.leaseRevoke({ ID: 7n })).header?.revision, 4);
    assert.equal((await kv.range(RangeRequest.create({ key: bytes('a') }))).count, 0);
  });

  test('that do not exist', async () => {
    await using frontend = await TestFrontend.open();
    const { client } = frontend;
    const { lease, kv } = client;
    const life = await lease.leaseTimeToLive(LeaseTimeToLiveRequest.create({ ID: 5n, keys: true }));
    assert.partialDeepStrictEqual(life, { ID: 5n, TTL: -1, grantedTTL: 0, keys: [] });
    const [answer] = await client.exchange(leaseKeepAlive, [{ ID: 5n }]);
    assert.partialDeepStrictEqual(answer, { ID: 5n, TTL: 0 });
    const notFound = { code: 5, details: 'etcdserver: requested lease not found' };
    await assert.rejects(lease.leaseRevoke({ ID: 5n }), notFound);
    await assert.rejects(kv.put(PutRequest.create({ key: bytes('a'), lease: 5n })), notFound);
  });

  test('are refused as etcd refuses them', async () => {
    await using frontend = await TestFrontend.open();
    const { lease } = frontend.client;
    await lease.leaseGrant({ ID: 7n, TTL: 60 });
    const exists = { code: 9, details: 'etcdserver: lease already exists' };
    await assert.rejects(lease.leaseGrant({ ID: 7n, TTL: 60 }), exists);
    const tooLarge = { code: 11, details: 'etcdserver: too large lease TTL' };
    await assert.rejects(lease.leaseGrant({ ID: 8n, TTL: 9_000_000_001 }), tooLarge);
  });

  test('are kept alive over one stream, each request answered in its turn', async () => {
    const clock = new ManualClock();
    await using frontend = await TestFrontend.open(clock);
    const { client } = frontend;
    for (let id = 1n; id <= 600n; id += 1n) await client.lease.leaseGrant({ ID: id, TTL: 60 });
    clock.advance(50_000);
    const requests = Array.from({ length: 700 }, (_, index) => ({ ID: BigInt(index + 1) }));
    const answers = await client.exchange(leaseKeepAlive, requests);
    assert.deepEqual(
      answers.map(({ ID, TTL }) => [ID, TTL]),
      requests.map(({ ID }) => [ID, ID <= 600n ? 60 : 0]),
    );
    assert.equal(answers[0]?.header?.revision, 1);
    assert.equal((await client.lease.leaseTimeToLive({ ID: 1n, keys: false })).TTL, 60);
  });
});

test('a key with a time to live comes with a lease of its own', async () => {
  await using frontend = await TestFrontend.open();
  const { expiring, kv, lease } = frontend.client;
  const request = ExpiringPutRequest.create({ key: bytes('a'), value: bytes('1'), ttl: 60, lease: 7n });
  const answer = await expiring.put(request);
  assert.partialDeepStrictEqual(answer, { lease: 7n, ttl: 60, prevKv: undefined });
  assert.equal(answer.header?.revision, 2);
  const { kvs } = await kv.range(RangeRequest.create({ key: bytes('a') }));
  assert.deepEqual([kvs[0]?.lease, kvs[0]?.modRevision], [7n, 2]);
  await assert.rejects(expiring.put(request), { details: 'etcdserver: lease already exists' });
  const again = await expiring.put({ ...request, lease: 0n, prevKv: true });
  assert.deepEqual([again.prevKv?.lease, again.lease > 0n], [7n, true]);
  assert.deepEqual((await lease.leaseTimeToLive({ ID: 7n, keys: true })).keys, []);
});
