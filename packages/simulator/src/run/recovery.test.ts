import assert from 'node:assert/strict';
import { test } from 'node:test';
import { urlOfHost } from '../network/host-url.ts';
import { QuietCluster } from '../testing/quiet-cluster.ts';
import { HistoryRecorder } from '../workload/history-recorder.ts';
import { Recovery } from './recovery.ts';

test('a call that is open when the others have recovered is in the history, as one that may have happened', async () => {
  const quiet = await QuietCluster.start({});
  const { plan, kernel, trace, cluster } = quiet;
  const recorder = new HistoryRecorder(() => undefined);
  const report = ({ explanation }: { readonly explanation: string }) => assert.fail(explanation);
  const recovery = new Recovery({ kernel, trace, cluster, plan, recorder, report });
  const gone = cluster.members.find((member) => member !== cluster.leader) ?? assert.fail();
  kernel.schedule(0, () => recovery.start());
  // A microsecond later all have been asked, and nobody has had time to answer.
  kernel.schedule(1, () => cluster.lose(gone));
  await quiet.until(() => recovery.isDone);
  const asked = recorder.records.filter(({ client }) => client === 1000 + gone.identity.host);
  assert.deepEqual(
    asked.map(({ call, return: returned }) => [call.kind, returned]),
    [['command', null]],
  );
});

test('a member that joins when the others have recovered is not one of them', async () => {
  const quiet = await QuietCluster.start({ spares: 1 });
  const { plan, kernel, trace, cluster } = quiet;
  const recorder = new HistoryRecorder(() => undefined);
  const report = ({ explanation }: { readonly explanation: string }) => assert.fail(explanation);
  const recovery = new Recovery({ kernel, trace, cluster, plan, recorder, report });
  const founders = [...cluster.members];
  kernel.schedule(0, () => recovery.start());
  await quiet.until(() => recovery.isDone);
  const host = cluster.reserveHost() ?? assert.fail();
  const peerUrls = [urlOfHost(host)];
  const { added } = await quiet.answerOf(() =>
    quiet.leader.changeMembership([{ kind: 'add', name: 'late', peerUrls, becomesVoter: true }], {
      deadlineMs: 10_000,
    }),
  );
  cluster.join(host, added[0] ?? assert.fail());
  assert.deepEqual(
    cluster.members.map((member) => recovery.includes(member)),
    [...founders.map(() => true), false],
  );
});
