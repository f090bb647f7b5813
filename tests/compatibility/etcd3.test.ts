import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { Etcd3, type IKeyValue, type Watcher } from 'etcd3';
import { eventually } from '../system/harness/eventually.ts';
import { TestCluster } from '../system/harness/test-cluster.ts';

/** The npm package etcd3, which knows nothing of us, against three members. */
describe('the npm client etcd3', () => {
  let cluster: TestCluster;
  let client: Etcd3;

  before(async () => {
    cluster = await TestCluster.start();
    client = new Etcd3({ hosts: [...cluster.endpoints] });
  });

  after(async () => {
    client.close();
    await cluster[Symbol.asyncDispose]();
  });

  test('puts, gets and deletes', async () => {
    await client.put('one').value('1');
    assert.equal(await client.get('one').string(), '1');
    assert.equal(await client.get('one').number(), 1);
    assert.equal(await client.get('absent').string(), null);
    assert.equal((await client.delete().key('one')).deleted, '1');
    assert.equal(await client.get('one').exists(), false);
  });

  test('reads ranges, in order, in part, and as they were', async () => {
    for (const key of ['r/a', 'r/c', 'r/b']) await client.put(key).value(`value of ${key}`);
    assert.deepEqual(await client.getAll().prefix('r/').keys(), ['r/a', 'r/b', 'r/c']);
    assert.deepEqual(await client.getAll().prefix('r/').sort('Key', 'Descend').limit(2).keys(), [
      'r/c',
      'r/b',
    ]);
    assert.deepEqual(await client.getAll().prefix('r/').sort('Create', 'Ascend').keys(), [
      'r/a',
      'r/c',
      'r/b',
    ]);
    assert.equal(await client.getAll().prefix('r/').count(), 3);
    const { header } = await client.put('r/a').value('later');
    const before = Number(header.revision) - 1;
    assert.equal(await client.get('r/a').revision(before).string(), 'value of r/a');
    const inside = client.namespace('r/');
    assert.equal(await inside.get('a').string(), 'later');
    assert.equal((await inside.delete().all()).deleted, '3');
  });

  test('commits transactions', async () => {
    await client.put('stock').value(5);
    const sell = async () =>
      client
        .if('stock', 'Value', '==', 5)
        .and('stock', 'Version', '>', 0)
        .then(client.put('stock').value(4))
        .else(client.get('stock'))
        .commit();
    assert.equal((await sell()).succeeded, true);
    const { succeeded, responses } = await sell();
    assert.equal(succeeded, false);
    assert.equal(responses[0]?.response_range?.kvs[0]?.value.toString(), '4');
  });

  test('has software transactional memory that loses no update', async () => {
    await client.put('counter').value(0);
    const add = async (): Promise<void> => {
      await client.stm({ retries: 100 }).transact(async (tx) => {
        const now = await tx.get('counter').number();
        await tx.put('counter').value((now ?? 0) + 1);
      });
    };
    await Promise.all(Array.from({ length: 10 }, add));
    assert.equal(await client.get('counter').number(), 10);
  });

  test('watches a key and a prefix, from a revision on', async () => {
    const { header } = await client.put('w/a').value('0');
    const seen: string[] = [];
    const follow = (watcher: Watcher, name: string): void => {
      watcher.on('put', (kv: IKeyValue) =>
        seen.push(`${name} put ${kv.key.toString()}=${kv.value.toString()}`),
      );
      watcher.on('delete', (kv: IKeyValue) => seen.push(`${name} delete ${kv.key.toString()}`));
    };
    const prefix = await client.watch().prefix('w/').startRevision(header.revision).create();
    follow(prefix, 'prefix');
    const key = await client.watch().key('w/b').create();
    follow(key, 'key');
    await client.put('w/b').value('1');
    await client.delete().key('w/b');
    await eventually('both watchers have seen everything', () => {
      assert.deepEqual(seen.toSorted(), [
        'key delete w/b',
        'key put w/b=1',
        'prefix delete w/b',
        'prefix put w/a=0',
        'prefix put w/b=1',
      ]);
    });
    await prefix.cancel();
    await key.cancel();
  });

  test('keeps a lease alive, and loses its keys with it', async () => {
    const lease = client.lease(2);
    await lease.put('leased').value('x');
    const granted = await lease.grant();
    await once(lease, 'keepaliveSucceeded');
    const { leases } = await client.leaseClient.leaseLeases();
    assert.ok(leases.some(({ ID }) => ID === granted));
    assert.equal(await client.get('leased').string(), 'x');
    await lease.revoke();
    assert.equal(await client.get('leased').string(), null);
  });

  test('locks, one holder at a time', async () => {
    let holders = 0;
    let turns = 0;
    const take = async (): Promise<void> => {
      const lock = client.lock('the lock').ttl(10);
      await eventually('the lock is free', async () => lock.acquire());
      holders += 1;
      assert.equal(holders, 1);
      await client.put('turn').value(turns);
      turns += 1;
      holders -= 1;
      await lock.release();
    };
    await Promise.all([take(), take(), take()]);
    assert.equal(turns, 3);
  });

  test('elects a leader, whom others see, and another after that', async () => {
    const election = client.election('the election', 10);
    const first = election.campaign('first');
    await first.wait();
    const observer = await election.observe();
    await eventually('the first is seen', () => assert.equal(observer.leader(), 'first'));
    const second = client.election('the election', 10).campaign('second');
    await first.resign();
    await second.wait();
    await eventually('the second is seen', () => assert.equal(observer.leader(), 'second'));
    await second.resign();
    await observer.cancel();
  });

  test('asks for members, status and alarms', async () => {
    const { members } = await client.cluster.memberList({});
    assert.equal(members.length, 3);
    const status = await client.maintenance.status();
    assert.match(status.version, /^3\.\d+\.\d+$/);
    const { alarms } = await client.maintenance.alarm({ action: 'Get', memberID: 0, alarm: 'None' });
    assert.deepEqual(alarms, []);
  });

  test('goes on when a member is killed', async () => {
    const leader = await cluster.leader();
    await leader.kill();
    await cluster.leader();
    await eventually('it has found another member', async () => {
      await client.put('after').value('the kill');
    });
    assert.equal(await client.get('after').string(), 'the kill');
    leader.start();
  });
});
