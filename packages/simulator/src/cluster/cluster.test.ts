import assert from 'node:assert/strict';
import { test } from 'node:test';
import { urlOfHost } from '../network/host-url.ts';
import { QuietCluster } from '../testing/quiet-cluster.ts';

test('the clocks of a cluster are those of all members, of one that was added, too', async () => {
  const quiet = await QuietCluster.start({ spares: 1, clockRates: [0.95, 0.98, 1.01, 1.05] });
  const { cluster, leader } = quiet;
  assert.deepEqual(cluster.clockRates, [0.95, 0.98, 1.01]);
  const host = cluster.reserveHost() ?? assert.fail('there is no host');
  const newcomer = { kind: 'add', name: 'n4', peerUrls: [urlOfHost(host)], becomesVoter: true } as const;
  const { added } = await quiet.answerOf(async () =>
    leader.changeMembership([newcomer], { deadlineMs: Number.POSITIVE_INFINITY }),
  );
  cluster.join(host, added[0] ?? assert.fail('nobody was added'));
  assert.deepEqual(cluster.clockRates, [0.95, 0.98, 1.01, 1.05]);
});
