import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { quorateArguments, runCommand } from './harness/command.ts';
import { eventually } from './harness/eventually.ts';
import { TestCluster } from './harness/test-cluster.ts';

async function quorate(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(process.execPath, [...quorateArguments, ...args]);
  assert.equal(code, 0, stderr);
  return stdout;
}

test('a cluster that is lost begins anew with a backup, and revisions do not go back', async () => {
  await using lost = await TestCluster.start();
  await Promise.all(Array.from({ length: 50 }, (_, key) => lost.client.put(`key ${key}`, `value ${key}`)));
  const file = join(lost.directory, 'backup.snapshot');
  const [, second] = lost.members;
  assert(second !== undefined);
  await quorate('snapshot', 'save', file, `--endpoints=${second.endpoint}`);
  const { revision } = await lost.client.put('late', 'not in the backup');
  await Promise.all(lost.members.map((member) => member.kill()));

  await using restored = await TestCluster.prepare();
  const initialCluster = restored.members
    .map(({ name, plan }) => `${name}=http://127.0.0.1:${plan.peerPort}`)
    .join(',');
  for (const { name, plan } of restored.members) {
    await quorate(
      ...['snapshot', 'restore', file, '--data-dir', plan.dataDirectory, '--name', name],
      ...['--initial-cluster', initialCluster, '--bump-revision', '1000'],
    );
  }
  for (const member of restored.members) member.start();
  await restored.leader();
  assert.equal((await restored.client.get('key 7'))?.text(), 'value 7');
  assert.equal(await restored.client.get('late'), null);
  assert((await restored.client.put('after', 'restore')).revision > revision);
  await assert.rejects(restored.client.get('key 7', { revision }), { code: 'compacted' });
});

test('the last member that is left goes on alone, and others join it', async () => {
  await using cluster = await TestCluster.start();
  const { member: added } = await cluster.client.addMember(['http://127.0.0.1:1'], { learner: true });
  await Promise.all(Array.from({ length: 50 }, (_, key) => cluster.client.put(`key ${key}`, `value ${key}`)));
  const [survivor, other, third] = cluster.members;
  assert(survivor !== undefined && other !== undefined && third !== undefined);
  await eventually('the survivor has everything', async () => {
    assert.equal((await cluster.contentOf(survivor)).length, 50);
  });
  await Promise.all(cluster.members.map((member) => member.kill()));
  await rm(third.plan.dataDirectory, { recursive: true });

  const { dataDirectory } = survivor.plan;
  const refused = await runCommand(process.execPath, [
    ...[...quorateArguments, 'recover', '--force-new-cluster', '--data-dir', dataDirectory],
  ]);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /^- (All of its entries are|Whether its last (entry was|\d+ entries were) committed is not) known/m,
  );
  // One that was added and has not told its name is known by its id.
  const others = [other.name, third.name, added.id.toString(16)].toSorted();
  const [, listed = ''] =
    /^- (.*) must never run with the data that they have again/m.exec(refused.stderr) ?? [];
  assert.deepEqual(listed.split(' and ').toSorted(), others);
  await quorate('recover', '--force-new-cluster', '--yes', '--data-dir', dataDirectory);

  survivor.start();
  await cluster.onlyThrough(survivor, async (client) => {
    await eventually('the survivor serves alone', async () => {
      assert.equal((await client.members()).length, 1);
    });
    assert.equal((await client.get('key 7'))?.text(), 'value 7');
    await client.put('alone', 'yes');
    // A member of the old cluster that comes back is refused, and changes nothing.
    other.start();
    await client.put('undisturbed', 'yes');
    assert.equal((await client.members()).length, 1);
    await other.kill();
  });
});
