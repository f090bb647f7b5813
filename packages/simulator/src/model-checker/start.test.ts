import assert from 'node:assert/strict';
import test from 'node:test';
import { boundsPresets } from './bounds.ts';
import { type Cluster, ClusterModel } from './cluster.ts';
import { startOf } from './start.ts';

function logsOf(model: ClusterModel, { members }: Cluster): string[][] {
  return members.map(({ log }) =>
    log.map((number) => {
      const entry = model.tables.entryAt(number);
      return `${entry.term}:${entry.kind === 'command' ? `c${entry.data[0]}` : entry.kind}`;
    }),
  );
}

test('elected: n1 leads, and everyone has its entries and knows that they are committed', () => {
  for (const bounds of [boundsPresets.durability, boundsPresets.everything, boundsPresets.lease]) {
    const model = new ClusterModel(bounds);
    const cluster = startOf(model, 'elected');
    assert.deepEqual(
      cluster.members.map(({ member }) => member.core.role.kind),
      ['leader', 'follower', 'follower'],
    );
    for (const log of logsOf(model, cluster)) assert.deepEqual(log, ['1:configuration', '2:no-op']);
    for (const { member } of cluster.members) assert.equal(member.core.commit, 2);
    assert.deepEqual(cluster.network, []);
  }
});

test('contested: figure 8 of the paper, between (b) and (c)', () => {
  const model = new ClusterModel(boundsPresets.contested);
  const cluster = startOf(model, 'contested');
  assert.deepEqual(
    cluster.members.map(({ member }) => `${member.core.role.kind} ${member.core.term}`),
    ['leader 4', 'leader 3', 'follower 4'],
  );
  assert.deepEqual(logsOf(model, cluster), [
    ['1:configuration', '2:no-op', '2:c0', '4:no-op'],
    ['1:configuration', '2:no-op', '3:no-op', '3:c1'],
    ['1:configuration', '2:no-op'],
  ]);
});
