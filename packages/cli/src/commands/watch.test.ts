import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { FakeCluster, type FakeWatch, toPut } from '@quorate/client/testing';
import { type CommandResult, runCommand } from '../testing/run-command.ts';

/** Runs `quorate watch` against a fake member, whose answers come from the test. */
async function watch(
  context: TestContext,
  args: readonly string[],
): Promise<{ readonly stream: FakeWatch; readonly result: Promise<CommandResult> }> {
  const cluster = await FakeCluster.start(1);
  context.after(() => cluster[Symbol.asyncDispose]());
  const result = runCommand(['watch', ...args], {
    environment: { QUORATE_ENDPOINTS: cluster.endpoints.join(',') },
  });
  const { watches } = cluster.member(0);
  while (watches[0] === undefined || watches[0].requests.length === 0) await new Promise(setImmediate);
  return { stream: watches[0], result };
}

test('changes are printed one a line, with what was before', async (context) => {
  const { stream, result } = await watch(context, [
    'a',
    '--prefix',
    '--prev-kv',
    '--rev',
    '3',
    '--count',
    '3',
  ]);
  const { key, rangeEnd, startRevision, prevKv } = stream.created;
  assert.deepEqual([Buffer.from(key), Buffer.from(rangeEnd)], [Buffer.from('a'), Buffer.from('b')]);
  assert.deepEqual([startRevision, prevKv], [3, true]);
  stream.respond(9, { created: true });
  const put = toPut('a\n@4');
  const previous = toPut('old@2').kv;
  const deletion = {
    type: 1 as const,
    kv: { ...toPut('a@5').kv, value: Buffer.alloc(0) } as never,
    prevKv: previous,
  };
  stream.respond(5, { events: [put, deletion, toPut('ab@5'), toPut('ac@5')] });
  const { code, stdout, stderr } = await result;
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(stdout, '4\tput\ta\\n\ta\\n-4\n5\tdelete\ta\nbefore: old-2\n5\tput\tab\tab-5\n');
});

test('as JSON all events of a revision come in one line, progress included', async (context) => {
  const { stream, result } = await watch(context, [
    'a',
    '--json',
    '--progress',
    '--only',
    'puts',
    '--count',
    '2',
  ]);
  assert.deepEqual([stream.created.filters, stream.created.progressNotify], [[1], true]);
  stream.respond(3, { created: true });
  stream.respond(4);
  stream.tell('a@5', 'b@5');
  const { code, stdout } = await result;
  assert.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  const entry = (key: string): object => ({
    type: 'put',
    entry: {
      key: Buffer.from(key).toString('base64'),
      value: Buffer.from(`${key}-5`).toString('base64'),
      createRevision: 5,
      modRevision: 5,
      version: 1,
      lease: '0',
    },
  });
  assert.deepEqual(lines, [
    { revision: 4, events: [] },
    { revision: 5, events: [entry('a'), entry('b')] },
  ]);
});

test('a compacted start, a wrong option and a cluster that is not there are told in a line', async (context) => {
  const { stream, result } = await watch(context, ['a', '--rev', '3']);
  stream.respond(20, { created: true });
  stream.respond(0, { canceled: true, compactRevision: 9 });
  const compacted = await result;
  assert.equal(compacted.code, 1);
  assert.match(compacted.stderr, /compacted; it can begin at revision 9/);
  const wrong = await runCommand(['watch', 'a', '--only', 'gets']);
  assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
  assert.match(wrong.stderr, /--only does not know "gets"/);
  const nobody = await runCommand(['watch', 'a', '--endpoints', '127.0.0.1:1', '--timeout', '200ms']);
  assert.equal(nobody.code, 4);
  assert.match(nobody.stderr, /127\.0\.0\.1:1/);
});
