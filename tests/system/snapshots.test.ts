import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from './harness/eventually.ts';
import type { MemberProcess } from './harness/member-process.ts';
import { TestCluster } from './harness/test-cluster.ts';

const engines = ['sqlite', 'lmdb', 'memory'] as const;

function compactingSoon(engine: string): readonly string[] {
  return [
    ...['--engine', engine],
    ...['--snapshot-count', '200', '--snapshot-log-bytes', '200KiB'],
    ...['--snapshot-catchup-entries', '20', '--snapshot-catchup-bytes', '20KiB'],
  ];
}

/** Whether this member has said so, in this life or an earlier one. */
function hasSaid(member: MemberProcess, text: string): boolean {
  return member.logLines().some(({ msg }) => msg.includes(text));
}

async function write(cluster: TestCluster, from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 50) {
    const batch = Array.from({ length: Math.min(50, from + count - at) }, (_, offset) => at + offset);
    await Promise.all(
      batch.map((number) => cluster.client.put(`key/${number % 300}`, `${number} ${'x'.repeat(1000)}`)),
    );
  }
}

for (const engine of engines) {
  test(`a follower that was away for long is brought up by a snapshot (${engine})`, async () => {
    await using cluster = await TestCluster.start({ flags: compactingSoon(engine) });
    const [follower] = await cluster.followers();
    assert(follower !== undefined);
    await cluster.client.put('first', '1');
    await follower.kill();
    await write(cluster, 0, 600);
    await eventually('the log is compacted', async () => {
      assert(cluster.running.every((member) => hasSaid(member, 'the log lost its entries')));
    });

    follower.start();
    await eventually('the follower has caught up', async () => {
      assert.match((await cluster.readLocally(follower, 'key/299')) ?? '', /^599 /);
    });
    // Logs reach their files a moment after what they tell of.
    await eventually('the logs tell of a snapshot', async () => {
      assert(hasSaid(follower, 'installed the snapshot of entry'));
      assert(cluster.running.some((member) => hasSaid(member, 'sends the snapshot of entry')));
    });
    const content = await cluster.agreedContent();
    assert.equal(content.length, 301);
    await cluster.client.put('last', '2');

    // What it has installed, and what came after, is still there when it starts again.
    await follower.kill();
    follower.start();
    await eventually('the follower serves again', async () => {
      assert.equal(await cluster.readLocally(follower, 'last'), '2');
    });
    assert.equal((await cluster.agreedContent()).length, 302);
    if (engine !== 'memory') {
      await eventually('files that nobody needs are gone', async () => {
        for (const member of cluster.running) {
          assert.deepEqual(await readdir(join(member.plan.dataDirectory, 'snapshot')), []);
        }
      });
    }
  });
}
