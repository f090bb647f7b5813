import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { compare, exists, missing } from './compare.ts';
import type { QuorateClientOptions } from './client-options.ts';
import { operation } from './operation.ts';
import { QuorateClient } from './quorate-client.ts';
import { FakeMember } from './testing/fake-member.ts';

async function start(
  context: TestContext,
  options: Partial<QuorateClientOptions> = {},
): Promise<{ client: QuorateClient; member: FakeMember }> {
  const member = await FakeMember.start();
  const client = new QuorateClient({ endpoints: member.endpoint, ...options });
  context.after(async () => {
    await client.close();
    await member.stop();
  });
  return { client, member };
}

test('what was put is got, with its revisions', async (context) => {
  const { client } = await start(context);
  assert.equal(await client.get('color'), null);
  assert.deepEqual(await client.put('color', 'blue'), { revision: 2, previous: null, lease: 0n });
  const { previous } = await client.put('color', 'red', { previous: true });
  assert.equal(previous?.text(), 'blue');
  const entry = await client.get('color');
  assert.equal(entry?.text(), 'red');
  assert.equal(entry?.keyText(), 'color');
  assert.deepEqual([entry?.createRevision, entry?.modRevision, entry?.version, entry?.lease], [2, 3, 2, 0n]);
  assert.equal((await client.get('color', { revision: 2 }))?.text(), 'blue');
});

test('keys and values are any bytes', async (context) => {
  const { client } = await start(context);
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  await client.put(every, every);
  const entry = await client.get(every);
  assert.deepEqual(Uint8Array.from(entry?.key ?? []), every);
  assert.deepEqual(Uint8Array.from(entry?.value ?? []), every);
  await client.put('json', '{"a":[1]}');
  assert.deepEqual((await client.get('json'))?.json(), { a: [1] });
});

test('delete tells how many keys there were', async (context) => {
  const { client } = await start(context);
  await client.putMany([
    ['a/1', 'x'],
    ['a/2', 'y'],
    ['b', 'z'],
  ]);
  assert.deepEqual(await client.delete('nothing'), { revision: 2, deleted: 0, previous: [] });
  const { deleted, previous } = await client.deleteRange({ prefix: 'a/' }, { previous: true });
  assert.equal(deleted, 2);
  assert.deepEqual(
    previous.map((entry) => entry.text()),
    ['x', 'y'],
  );
  assert.equal(await client.count({ prefix: '' }), 1);
});

test('a range is read in pages, in either order, up to a limit', async (context) => {
  const { client, member } = await start(context);
  const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
  await client.putMany(keys.map((key) => [key, key.toUpperCase()]));
  const read = async (options: Parameters<QuorateClient['range']>[1]): Promise<string[]> => {
    const found: string[] = [];
    for await (const entry of client.range({ prefix: 'k' }, options)) found.push(entry.keyText());
    return found;
  };
  member.calls.length = 0;
  assert.deepEqual(await read({ pageSize: 3 }), keys);
  assert.equal(member.calls.length, 4);
  assert.deepEqual(await read({ pageSize: 3, order: 'descending' }), keys.toReversed());
  assert.deepEqual(await read({ pageSize: 3, limit: 7 }), keys.slice(0, 7));
  assert.deepEqual(await read({ limit: 0 }), []);
});

test('a range is a snapshot: later pages do not see writes made since the first', async (context) => {
  const { client } = await start(context);
  await client.putMany([
    ['a', '1'],
    ['b', '1'],
    ['c', '1'],
  ]);
  const seen: string[] = [];
  for await (const entry of client.range({ prefix: '' }, { pageSize: 1 })) {
    seen.push(`${entry.keyText()}=${entry.text()}`);
    await client.putMany([
      ['c', '2'],
      [`d${seen.length}`, '2'],
    ]);
  }
  assert.deepEqual(seen, ['a=1', 'b=1', 'c=1']);
});

test('a range fails with `compacted` if its revision is compacted away', async (context) => {
  const { client } = await start(context);
  await client.putMany([
    ['a', '1'],
    ['b', '1'],
  ]);
  const pages = client.range({ prefix: '' }, { pageSize: 1 });
  assert.equal((await pages.next()).value?.keyText(), 'a');
  const { revision } = await client.put('a', '2');
  await client.compact(revision);
  await assert.rejects(pages.next(), { code: 'compacted', outcome: 'none' });
});

test('pages shrink when an answer is too large', async (context) => {
  const { client, member } = await start(context, { responseMaxBytes: 3_000 });
  for (let index = 0; index < 8; index += 1) await client.put(`k${index}`, 'x'.repeat(1_000));
  member.calls.length = 0;
  let count = 0;
  for await (const entry of client.range({ prefix: 'k' }, { pageSize: 8 })) count += entry.version;
  assert.equal(count, 8);
  assert.equal(member.calls.length, 6, 'pages of 8 and 4 were refused, those of 2 served');
  await assert.rejects(client.rangePage({ prefix: 'k' }), { code: 'response-too-large' });
});

test('one page takes every option of the API', async (context) => {
  const { client } = await start(context);
  await client.put('a', '3');
  await client.put('b', '1');
  await client.put('c', '2');
  const byValue = await client.rangePage(
    { prefix: '' },
    { sort: { by: 'value', order: 'descending' }, limit: 2 },
  );
  assert.deepEqual(
    byValue.items.map((entry) => entry.keyText()),
    ['a', 'c'],
  );
  assert.deepEqual([byValue.more, byValue.count, byValue.revision], [true, 3, 4]);
  const recent = await client.rangePage({ from: 'a' }, { minModRevision: 3, keysOnly: true });
  assert.deepEqual(
    recent.items.map((entry) => [entry.keyText(), entry.text()]),
    [
      ['b', ''],
      ['c', ''],
    ],
  );
  await assert.rejects(client.rangePage({ key: 'a' }, { revision: 99 }), {
    code: 'future-revision',
    grpcCode: 11,
  });
  await assert.rejects(client.rangePage({ key: 'a' }, { limit: -1 }), { code: 'invalid-argument' });
});

test('putMany is one transaction', async (context) => {
  const { client, member } = await start(context);
  const { revision } = await client.putMany(new Map([['a', '1'], ['b', '2']])); // biome-ignore format: one line
  assert.equal(revision, 2);
  assert.deepEqual(member.calls, ['Txn']);
  await assert.rejects(
    client.putMany([
      ['a', '1'],
      ['a', '2'],
    ]),
    { code: 'duplicate-key' },
  );
});

test('more operations than a transaction takes are refused unless chunks are allowed', async (context) => {
  const { client, member } = await start(context);
  const entries = Array.from({ length: 300 }, (_, index): [string, string] => [`k${index}`, `${index}`]);
  await assert.rejects(client.putMany(entries), { code: 'too-many-operations' });
  await assert.rejects(client.getMany(entries.map(([key]) => key)), { code: 'too-many-operations' });
  assert.deepEqual(member.calls, []);
  assert.deepEqual(await client.putMany(entries, { chunked: true }), { revision: 4 });
  const found = await client.getMany([...entries.map(([key]) => key), 'none'], { chunked: true });
  assert.equal(found.length, 301);
  assert.deepEqual([found[0]?.text(), found[299]?.text(), found[300]], ['0', '299', null]);
});

test('chunks of large values stay below the limit of a request', async (context) => {
  const { client, member } = await start(context);
  const entries = ['a', 'b', 'c'].map((key): [string, string] => [key, key.repeat(700_000)]);
  await client.putMany(entries, { chunked: true });
  assert.deepEqual(member.calls, ['Txn', 'Txn', 'Txn']);
});

test('a chunked putMany that fails tells how many entries are written', async (context) => {
  const { client, member } = await start(context);
  const entries = Array.from({ length: 300 }, (_, index): [string, string] => [`k${index}`, '']);
  member.store.put({ key: Buffer.from('warm'), value: Buffer.from('up') } as never);
  const refused = { kind: 'status', code: 8, details: 'etcdserver: mvcc: database space exceeded' } as const;
  member.faults.push({ kind: 'wait', until: Promise.resolve() }, refused);
  await assert.rejects(client.putMany(entries, { chunked: true }), { code: 'database-full', completed: 128 });
});

test('chunked getMany is one snapshot', async (context) => {
  const { client, member } = await start(context);
  const keys = Array.from({ length: 129 }, (_, index) => `k${String(index).padStart(3, '0')}`);
  await client.put('k128', 'before');
  let goOn = (): void => undefined;
  const until = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  member.faults.push({ kind: 'wait', until });
  const reading = client.getMany(keys, { chunked: true });
  while (member.calls.length < 2) await new Promise(setImmediate);
  await client.put('k128', 'after');
  goOn();
  assert.equal((await reading)[128]?.text(), 'before');
});

test('a transaction does one list of operations or the other', async (context) => {
  const { client } = await start(context);
  const take = (): ReturnType<ReturnType<QuorateClient['transaction']>['commit']> =>
    client
      .transaction()
      .if(missing('lock'))
      .then(operation.put('lock', 'mine'), operation.range({ prefix: 'lo' }))
      .else(operation.get('lock'), operation.delete('other'))
      .commit();
  const first = await take();
  assert.equal(first.succeeded, true);
  assert.equal(first.revision, 2);
  assert.deepEqual(
    first.results.map((result) => result.kind),
    ['put', 'range'],
  );
  const second = await take();
  assert.equal(second.succeeded, false);
  const [got, deleted] = second.results;
  assert.equal(got?.kind === 'range' && got.items[0]?.text(), 'mine');
  assert.equal(deleted?.kind === 'delete' && deleted.deleted, 0);
});

test('conditions compare every property, and whole ranges', async (context) => {
  const { client } = await start(context);
  await client.put('a', 'x');
  await client.put('a', 'y');
  const holds = async (...conditions: ReturnType<typeof compare>[]): Promise<boolean> =>
    (
      await client
        .transaction()
        .if(...conditions)
        .commit()
    ).succeeded;
  assert.equal(await holds(exists('a'), missing('b')), true);
  assert.equal(await holds(compare('a', 'value', '=', 'y'), compare('a', 'version', '=', 2)), true);
  assert.equal(
    await holds(compare('a', 'createRevision', '<', 3), compare('a', 'modRevision', '>', 2)),
    true,
  );
  assert.equal(await holds(compare('a', 'lease', '!=', 0n)), false);
  assert.equal(await holds(compare({ prefix: '' }, 'version', '=', 2)), true);
  assert.throws(() => compare('a', 'version', '>=' as '>', 2), { code: 'invalid-argument' });
});

test('transactions nest', async (context) => {
  const { client } = await start(context);
  const inner = operation.transaction({ conditions: [exists('a')], failure: [operation.put('a', 'new')] });
  const { results } = await client.transaction().then(inner).commit();
  const [result] = results;
  assert.equal(result?.kind === 'transaction' && !result.succeeded && result.results.length, 1);
  assert.equal((await client.get('a'))?.text(), 'new');
});

test('a transaction that is awaited without commit fails instead of hanging', async (context) => {
  const { client } = await start(context);
  // The compiler refuses a plain `await` of it; this is what happens without the compiler.
  const mistaken: unknown = client.transaction();
  await assert.rejects(Promise.resolve(mistaken), { code: 'invalid-argument', message: /await its commit/ });
});

test('members, status and health', async (context) => {
  const { client, member } = await start(context);
  member.members = [{ id: 0xabcn, name: 'one', clientUrls: ['http://x:1'] }];
  assert.deepEqual(await client.members(), [
    { id: 0xabcn, name: 'one', peerUrls: [], clientUrls: ['http://x:1'], isLearner: false },
  ]);
  const status = await client.status(`http://${member.endpoint}`);
  assert.equal(status.endpoint, member.endpoint);
  assert.deepEqual(
    [status.isLeader, status.memberId, status.term, status.databaseBytes],
    [true, 1n, 1, 16_384],
  );
  assert.equal(await client.health(), 'serving');
  await assert.rejects(client.status('elsewhere:1'), { code: 'invalid-argument' });
});

test('bad arguments reject, and nothing is sent', async (context) => {
  const { client, member } = await start(context);
  await assert.rejects(client.put(undefined as unknown as string, 'x'), { code: 'invalid-argument' });
  await assert.rejects(client.get('a', { timeoutMs: 0 }), { code: 'invalid-argument' });
  await assert.rejects(client.put('a', 'x'.repeat(3 * 1024 * 1024)), {
    code: 'request-too-large',
    outcome: 'none',
  });
  assert.deepEqual(member.calls, []);
  await assert.rejects(client.put('', 'x'), { code: 'key-not-provided', outcome: 'none', grpcCode: 3 });
});

test('any number of calls may share a signal and a connection', async (context) => {
  const { client, member } = await start(context, { callsMax: 16 });
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 200 }, (_, index) => client.put(`k${index}`, 'v', { signal })));
  assert.equal(await client.count({ prefix: 'k' }), 200);
  assert.equal(member.connections, 1);
});
