import assert from 'node:assert/strict';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { eventually } from './harness/eventually.ts';
import type { MemberProcess } from './harness/member-process.ts';
import { TestCluster } from './harness/test-cluster.ts';

const flags = ['--corruption-check-interval=50'];

async function fill(cluster: TestCluster): Promise<void> {
  const keys = Array.from({ length: 200 }, (_, key) => key);
  await Promise.all(keys.map((key) => cluster.client.put(`key ${key}`, `value ${key}`.repeat(20))));
}

async function assertSameContent(cluster: TestCluster, repaired: MemberProcess): Promise<void> {
  const leader = await cluster.leader();
  await eventually('the member has the content of the others', async () => {
    assert.deepEqual(await cluster.contentOf(repaired), await cluster.contentOf(leader));
  });
}

function databaseOf(member: MemberProcess): string {
  return join(member.plan.dataDirectory, 'state', 'store.sqlite');
}

test('a database that cannot be read is set aside and built anew', async () => {
  await using cluster = await TestCluster.start({ flags });
  await fill(cluster);
  const [member] = await cluster.followers();
  assert(member !== undefined);
  await member.stop();
  const file = await open(databaseOf(member), 'r+');
  const { size } = await file.stat();
  // Everything but the first page, where SQLite says what the file is.
  await file.write(Buffer.alloc(size - 8192, 0x5a), 0, size - 8192, 8192);
  await file.close();
  member.start();
  await assertSameContent(cluster, member);
  await cluster.onlyThrough(member, async (client) => client.put('written', 'afterwards'));
  const names = await readdir(member.plan.dataDirectory);
  assert(
    names.some((name) => name.startsWith('state.damaged')),
    names.join(' '),
  );
  assert(member.logLines().some(({ msg }) => /the state machine is built anew/.test(msg)));
});

test('a record that the disk has changed is found, and repaired without a person', async () => {
  await using cluster = await TestCluster.start({ flags });
  await fill(cluster);
  const [member] = await cluster.followers();
  assert(member !== undefined);
  await member.stop();
  const database = new DatabaseSync(databaseOf(member));
  const changed = database
    .prepare('UPDATE record SET value = ? WHERE position = (SELECT MIN(position) + 20 FROM record)')
    .run(Buffer.from('what nobody wrote'));
  database.close();
  assert.equal(changed.changes, 1);
  member.start();
  await eventually('the member has set its state aside', async () => {
    const names = await readdir(member.plan.dataDirectory);
    assert(
      names.some((name) => name.startsWith('state.damaged')),
      names.join(' '),
    );
  });
  await assertSameContent(cluster, member);
  await eventually('no alarm stands any more', async () => {
    assert.deepEqual(await cluster.client.alarms(), []);
  });
  await cluster.onlyThrough(member, async (client) => client.put('written', 'afterwards'));
});
