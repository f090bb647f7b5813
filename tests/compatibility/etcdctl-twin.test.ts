import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingCommand, runCommand } from '../system/harness/command.ts';
import { TestCluster } from '../system/harness/test-cluster.ts';
import { EtcdProcess } from './harness/etcd-process.ts';

/** A command of etcdctl, as it is typed; `stdin` is what is typed after it. */
type Step = string | { readonly command: string; readonly stdin: string };

/** What is typed, in this order, into a store that is empty. */
const conversation: readonly Step[] = [
  'get absent',
  'put foo bar',
  'put foo baz --prev-kv',
  'get foo',
  'get foo --hex',
  'get foo --write-out=json',
  'get foo --write-out=fields',
  'get foo --print-value-only',
  'get foo --keys-only',
  'get foo --consistency=s',
  'get foo --consistency=l',
  'get foo --rev=2',
  'get foo --rev=100',
  'put foo',
  { command: 'put typed', stdin: 'from stdin' },
  'get typed',
  'put a/1 x',
  'put a/2 y',
  'put a/3 x',
  'put a/2 z',
  'put a/1 w --prev-kv --write-out=json',
  'get a/ --prefix',
  'get a/ --prefix --keys-only',
  'get a/ --prefix --print-value-only',
  'get a/ --prefix --count-only --write-out=fields',
  'get a/ --prefix --count-only --write-out=json',
  'get a/ --prefix --limit=2 --write-out=json',
  'get a/ --prefix --limit=3 --write-out=json',
  'get a/ --prefix --order=ASCEND',
  'get a/ --prefix --order=DESCEND',
  ...['KEY', 'VALUE', 'CREATE', 'MODIFY', 'VERSION'].flatMap((target) => [
    `get a/ --prefix --sort-by=${target}`,
    `get a/ --prefix --sort-by=${target} --order=ASCEND`,
    `get a/ --prefix --sort-by=${target} --order=DESCEND`,
    `get a/ --prefix --sort-by=${target} --order=DESCEND --limit=1`,
  ]),
  'get a/1 a/3',
  'get a/2 --from-key',
  'get a/2 --from-key --limit=1',
  'get  --prefix --keys-only',
  'get  --from-key --count-only --write-out=fields',
  'get a/ --prefix --rev=6',
  'put foo --ignore-value',
  'get foo --write-out=json',
  'put foo bar --ignore-lease',
  'put absent --ignore-value',
  'put absent x --ignore-lease',
  'put foo bar --lease=7b',
  'put foo bar --ignore-value',
  'put  bar',
  'del absent',
  'del foo --prev-kv',
  'del a/1 a/3 --prev-kv --write-out=json',
  'del a/3 --write-out=fields',
  'put z/1 1',
  'put z/2 2',
  'del z/ --prefix',
  'put z/1 1',
  'del z/ --from-key --prev-kv',
  { command: 'txn', stdin: 'value("foo") = "bar"\n\nput foo yes\n\nput foo no\nget foo\n\n' },
  {
    command: 'txn',
    stdin: 'mod("foo") > "1"\nver("foo") = "1"\ncreate("foo") != "0"\n\nget foo\ndel foo\nget foo\n\n\n',
  },
  {
    command: 'txn --write-out=json',
    stdin: 'create("foo") = "0"\n\nput foo 1\nput bar 2\nget bar\n\nget foo\n\n',
  },
  { command: 'txn', stdin: 'ver("foo") > "0"\n\nput foo 1\nput foo 2\n\n\n' },
  { command: 'txn', stdin: 'value("absent") != "x"\n\nput foo never\n\nput foo else\n\n' },
  { command: 'txn --write-out=fields', stdin: '\nget foo\n\n\n' },
  { command: 'txn', stdin: '\nput foo 1\ndel foo\n\n\n' },
  { command: 'txn', stdin: '\ndel foo\ndel foo --prefix\n\n\n' },
  'get foo --write-out=json',
  'compaction 10',
  'compaction 10',
  'compaction 1000',
  'get foo --rev=9',
  'get typed --rev=10',
  'compaction 12 --physical',
  'compaction 12',
  'get  --prefix --write-out=json',
];

/** What differs from one cluster to the next: ids, terms, and how the client's log lines look. */
function normalised(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('{"level"'))
    .join('\n')
    .replace(/("(?:cluster_id|member_id|raft_term)":)\d+/g, '$1N')
    .replace(/("(?:ClusterID|MemberID|RaftTerm)" : )\d+/g, '$1N');
}

async function converse(endpoint: string): Promise<readonly string[]> {
  const answers: string[] = [];
  for (const step of conversation) {
    const { command, stdin } = typeof step === 'string' ? { command: step, stdin: '' } : step;
    const args = [...command.split(' '), `--endpoints=${endpoint}`];
    const result = await runCommand('etcdctl', args, { environment: { ETCDCTL_API: '3' }, stdin });
    answers.push(normalised(`$ ${command}\n${result.stdout}${result.stderr}exit ${result.code}`));
  }
  return answers;
}

test('etcdctl prints the same, whether it talks to us or to etcd', {
  skip: missingCommand('etcdctl', 'etcd-client') || missingCommand('etcd', 'etcd-server'),
}, async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  await using etcd = await EtcdProcess.start();
  const ours = await converse(cluster.member(0).endpoint);
  const theirs = await converse(etcd.endpoint);
  for (const [position, theirAnswer] of theirs.entries()) assert.equal(ours[position], theirAnswer);
});
