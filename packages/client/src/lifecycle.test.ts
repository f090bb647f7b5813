import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import { QuorateClient } from './quorate-client.ts';
import { QuorateError } from './quorate-error.ts';
import { FakeCluster } from './testing/fake-cluster.ts';

const run = promisify(execFile);

test('making a client does not connect', async () => {
  const client = new QuorateClient({ endpoints: '127.0.0.1:1' });
  assert.deepEqual(client.endpoints, ['127.0.0.1:1']);
  await client.close();
});

test('close ends calls in flight and in the queue, and resolves when they have settled', async () => {
  await using cluster = await FakeCluster.start(1);
  const client = new QuorateClient({ endpoints: cluster.endpoints, callsMax: 2 });
  cluster.member(0).always = { kind: 'hang' };
  const settled: string[] = [];
  const calls = [client.get('a'), client.put('b', '1'), client.get('waits')].map((call) =>
    call.then(
      () => assert.fail('it must fail'),
      (error: unknown) => {
        assert.ok(error instanceof QuorateError);
        settled.push(`${error.code} ${error.outcome}`);
      },
    ),
  );
  while (cluster.calls().length < 2) await new Promise(setImmediate);
  await client.close();
  assert.deepEqual(settled.toSorted(), ['client-closed none', 'client-closed none', 'client-closed unknown']);
  await Promise.all(calls);
  await assert.rejects(client.get('a'), { code: 'client-closed' });
  await client.close();
});

test('close ends a pause between tries', async () => {
  const client = new QuorateClient({
    endpoints: '127.0.0.1:1',
    retry: { baseMs: 60_000, maxMs: 60_000 },
    timeoutMs: 120_000,
  });
  const call = assert.rejects(client.get('a'), { code: 'client-closed' });
  // Refused at once; then it pauses for half a minute at least.
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  await client.close();
  await call;
});

test('a process whose client is closed ends by itself, and so does one that only forgot to', async () => {
  await using cluster = await FakeCluster.start(3);
  const script = (end: string): string => `
    import { QuorateClient } from '@quorate/client';
    const client = new QuorateClient({ endpoints: ${JSON.stringify([...cluster.endpoints, '127.0.0.1:1'])} });
    await client.put('a', '1');
    console.log((await client.get('a')).text());
    ${end}
  `;
  for (const end of ['await client.close();', '', '{ await using again = client; }']) {
    const args = ['--conditions=quorate-source', '--input-type=module', '--eval', script(end)];
    const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname, timeout: 20_000 });
    assert.equal(stdout, '1\n');
  }
});
