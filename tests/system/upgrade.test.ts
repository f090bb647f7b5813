import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { QuorateClient } from '@quorate/client';
import { eventually, rejectsWithCode } from './harness/eventually.ts';
import { freePorts } from './harness/free-ports.ts';
import { MemberProcess } from './harness/member-process.ts';
import { TemporaryDirectory } from './harness/temporary-directory.ts';

/**
 * Data directories that the last release with format version 1 wrote, a file `x` as `x.gz`, one for each engine:
 * puts, deletions, transactions and two compactions. The member with sqlite was killed, the others were stopped.
 */
const fixtures = path.join(import.meta.dirname, '../fixtures/data-directory-1');

/** What is in each of them. Keys and values are text with one character a byte. */
type Expected = {
  readonly revision: number;
  readonly compactedRevision: number;
  /** Key, value, revisions of the creation and of the last change, version. */
  readonly keys: readonly (readonly [string, string, number, number, number])[];
};

async function unpack(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = path.join(to, entry.name);
    if (entry.isDirectory()) await unpack(source, target);
    else await writeFile(target.replace(/\.gz$/, ''), gunzipSync(await readFile(source)));
  }
}

/** The member that the directories belong to. */
async function memberOn(directory: string, engine: string): Promise<MemberProcess> {
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const dataDirectory = path.join(directory, 'data');
  await unpack(path.join(fixtures, engine), dataDirectory);
  const args = [
    ['name', 'alpha'],
    ['data-dir', dataDirectory],
    ['engine', engine],
    ['listen-client-urls', `http://127.0.0.1:${clientPort}`],
    ['listen-peer-urls', `http://127.0.0.1:${peerPort}`],
    ['initial-advertise-peer-urls', 'http://127.0.0.1:2380'],
    ['initial-cluster', 'alpha=http://127.0.0.1:2380'],
  ].map(([flag, value]) => `--${flag}=${value}`);
  const logFile = path.join(directory, 'member.log');
  return new MemberProcess({ name: 'alpha', clientPort, peerPort, dataDirectory, logFile, args });
}

async function keysOf(client: QuorateClient): Promise<Expected['keys']> {
  const keys: Expected['keys'][number][] = [];
  for await (const { key, value, createRevision, modRevision, version } of client.range({ prefix: '' })) {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
    keys.push([text(key), text(value), createRevision, modRevision, version]);
  }
  return keys;
}

async function serves(client: QuorateClient): Promise<void> {
  await eventually('the member serves', () => client.get('bytes'));
}

describe('a data directory of the previous format', async () => {
  const expected = JSON.parse(await readFile(path.join(fixtures, 'expected.json'), 'utf8')) as Expected;
  for (const engine of ['sqlite', 'lmdb', 'memory']) {
    test(`is opened, serves, and goes on: ${engine}`, async () => {
      await using directory = await TemporaryDirectory.create();
      const member = await memberOn(directory.path, engine);
      await using client = new QuorateClient({ endpoints: [member.endpoint], timeoutMs: 30_000 });
      member.start();
      await serves(client);
      assert.deepEqual(await keysOf(client), expected.keys);
      assert.deepEqual(
        (await client.members()).map(({ name, clientUrls }) => [name, clientUrls]),
        [['alpha', [`http://${member.endpoint}`]]],
      );
      await rejectsWithCode(client.get('bytes', { revision: expected.compactedRevision - 1 }), 'compacted');
      assert.ok((await client.get('late/3', { revision: expected.compactedRevision })) !== null);

      const { revision } = await client.put('after', 'the upgrade');
      assert.equal(revision, expected.revision + 1);
      await client.compact(revision, { physical: true });
      assert.equal(await member.stop(), 0);
      member.start();
      await serves(client);
      assert.deepEqual(
        (await keysOf(client)).filter(([key]) => key !== 'after'),
        expected.keys,
      );
      assert.equal((await client.get('after'))?.text(), 'the upgrade');
      assert.equal(await member.stop(), 0);

      const identity: unknown = JSON.parse(
        await readFile(path.join(member.plan.dataDirectory, 'identity.json'), 'utf8'),
      );
      assert.partialDeepStrictEqual(identity, { formatVersion: 2, name: 'alpha' });
    });
  }
});
