import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingCommand, runCommand } from '../system/harness/command.ts';
import { TestCluster } from '../system/harness/test-cluster.ts';

/**
 * etcd's own check of a cluster, with its small load: 150 puts a second for a minute, which is why it is not one of
 * the tests that always run. Its verdict on the times is printed and not asserted: what else the machine does decides.
 */
test('etcdctl check perf', { skip: missingCommand('etcdctl', 'etcd-client') }, async (context) => {
  await using cluster = await TestCluster.start();
  const { stdout, stderr } = await runCommand(
    'etcdctl',
    ['check', 'perf', '--load=s', `--endpoints=${cluster.endpoints.join(',')}`],
    { environment: { ETCDCTL_API: '3' }, timeoutMs: 120_000 },
  );
  const report = stdout.slice(Math.max(stdout.search(/PASS|FAIL/), 0)).trim();
  context.diagnostic(report.replaceAll('\n', '; '));
  assert.match(report, /(PASS|FAIL): Throughput is \d+ writes\/s|Throughput too low/, stdout + stderr);
  assert.match(report, /Slowest request took/);
  assert.doesNotMatch(stdout + stderr, /too many errors|Error:/i);
});
