import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { missingCommand, runCommand, type CommandResult } from '../system/harness/command.ts';
import { eventually } from '../system/harness/eventually.ts';
import { freePorts } from '../system/harness/free-ports.ts';
import { MemberProcess } from '../system/harness/member-process.ts';
import { TestCluster } from '../system/harness/test-cluster.ts';

/** Debian's etcdctl speaks the etcd v3 API as any stock client does. */
describe('etcdctl', { skip: missingCommand('etcdctl', 'etcd-client') }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start();
  });

  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  function etcdctl(args: readonly string[], stdin = ''): Promise<CommandResult> {
    const endpoints = args.some((arg) => arg.startsWith('--endpoints='))
      ? []
      : [`--endpoints=${cluster.endpoints.join(',')}`];
    return runCommand('etcdctl', [...args, ...endpoints], { environment: { ETCDCTL_API: '3' }, stdin });
  }

  async function succeeds(args: readonly string[], stdin = ''): Promise<string> {
    const { code, stdout, stderr } = await etcdctl(args, stdin);
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  async function fails(args: readonly string[], expected: RegExp): Promise<void> {
    const { code, stdout, stderr } = await etcdctl(args);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, expected);
  }

  test('puts and gets', async () => {
    assert.equal(await succeeds(['put', 'greeting', 'hello']), 'OK\n');
    assert.equal(await succeeds(['get', 'greeting']), 'greeting\nhello\n');
    assert.equal(await succeeds(['get', 'greeting', '--print-value-only']), 'hello\n');
    assert.equal(await succeeds(['put', '--prev-kv', 'greeting', 'bye']), 'OK\ngreeting\nhello\n');
    assert.equal(await succeeds(['get', 'absent']), '');
  });

  test('what it wrote, our client reads, and the other way round', async () => {
    await succeeds(['put', 'from-etcdctl', 'a']);
    assert.equal((await cluster.client.get('from-etcdctl'))?.text(), 'a');
    await cluster.client.put('from-quorate', 'b');
    assert.equal(await succeeds(['get', 'from-quorate']), 'from-quorate\nb\n');
  });

  test('every member answers alone, linearizably and serializably', async () => {
    for (const endpoint of cluster.endpoints) {
      await succeeds(['put', 'through', endpoint, `--endpoints=${endpoint}`]);
      assert.equal(await succeeds(['get', 'through', `--endpoints=${endpoint}`]), `through\n${endpoint}\n`);
      await succeeds(['get', 'through', '--consistency=s', `--endpoints=${endpoint}`]);
    }
  });

  test('ranges: prefix, bounds, limit, order, keys only, count, from key', async () => {
    for (const key of ['r/a', 'r/b', 'r/c']) {
      await succeeds(['put', key, `value of ${key}`]);
    }
    const keys = async (...args: string[]): Promise<string[]> =>
      (await succeeds(['get', ...args, '--keys-only'])).split('\n').filter((line) => line !== '');
    assert.deepEqual(await keys('r/', '--prefix'), ['r/a', 'r/b', 'r/c']);
    assert.deepEqual(await keys('r/a', 'r/c'), ['r/a', 'r/b']);
    assert.deepEqual(await keys('r/', '--prefix', '--limit=2'), ['r/a', 'r/b']);
    assert.deepEqual(await keys('r/', '--prefix', '--order=DESCEND', '--sort-by=KEY'), ['r/c', 'r/b', 'r/a']);
    assert.deepEqual((await keys('r/b', '--from-key')).slice(0, 2), ['r/b', 'r/c']);
    const fields = await succeeds(['get', 'r/', '--prefix', '--limit=1', '--write-out=fields']);
    assert.match(fields, /"More" : true\n"Count" : 3/);
  });

  test('old revisions and compaction', async () => {
    const revision = async (): Promise<number> => (await cluster.client.put('versions', 'mark')).revision;
    await succeeds(['put', 'versions', 'old']);
    const old = (await revision()) - 1;
    await succeeds(['put', 'versions', 'new']);
    assert.equal(await succeeds(['get', 'versions', `--rev=${old}`, '--print-value-only']), 'old\n');
    const now = await revision();
    assert.match(await succeeds(['compaction', String(now)]), /compacted revision/);
    await fails(['get', 'versions', `--rev=${old}`], /required revision has been compacted/);
    await fails(['get', 'versions', `--rev=${now + 1000}`], /required revision is a future revision/);
  });

  test('deletes', async () => {
    for (const key of ['d/1', 'd/2', 'd/3']) {
      await succeeds(['put', key, 'value']);
    }
    assert.equal(await succeeds(['del', 'd/1']), '1\n');
    assert.equal(await succeeds(['del', 'd/', '--prefix', '--prev-kv']), '2\nd/2\nvalue\nd/3\nvalue\n');
    assert.equal(await succeeds(['del', 'd/1']), '0\n');
  });

  test('transactions', async () => {
    await succeeds(['put', 'stock', '5']);
    const transaction = (expected: string): string =>
      `value("stock") = "${expected}"\n\nput stock 4\nget stock\n\nget stock\n\n`;
    assert.equal(await succeeds(['txn'], transaction('5')), 'SUCCESS\n\nOK\n\nstock\n4\n');
    assert.equal(await succeeds(['txn'], transaction('5')), 'FAILURE\n\nstock\n4\n');
  });

  test('members, status and health', async () => {
    const members = await succeeds(['member', 'list']);
    const lines = members.trim().split('\n');
    assert.equal(lines.length, 3);
    for (const [index, member] of cluster.members.entries()) {
      const line = lines.find((candidate) => candidate.includes(`, ${member.name}, `));
      assert(line !== undefined, `${member.name} is missing in:\n${members}`);
      assert.match(line, /^[0-9a-f]+, started, /);
      assert(line.includes(`http://127.0.0.1:${cluster.member(index).plan.peerPort}`), line);
      assert(line.includes(`http://${member.endpoint}`), line);
    }
    const status = await succeeds(['endpoint', 'status', '--write-out=json']);
    const parsed: { Status: { leader: number; raftTerm: number } }[] = JSON.parse(status);
    assert.equal(parsed.length, 3);
    assert.equal(new Set(parsed.map((each) => each.Status.raftTerm)).size, 1);
    const { stdout, stderr } = await etcdctl(['endpoint', 'health']);
    assert.equal((stdout + stderr).match(/is healthy/g)?.length, 3, stdout + stderr);
  });

  test('endpoints are URLs, or all that the cluster knows of', async () => {
    const urls = cluster.endpoints.map((endpoint) => `http://${endpoint}`);
    const [first = ''] = urls;
    for (const endpoints of [[`--endpoints=${urls.join(',')}`], [`--endpoints=${first}`, '--cluster']]) {
      const status = await succeeds(['endpoint', 'status', ...endpoints]);
      for (const url of urls) assert(status.includes(`${url}, `), status);
      assert.equal((await succeeds(['endpoint', 'hashkv', ...endpoints])).trim().split('\n').length, 3);
      const { stdout, stderr } = await etcdctl(['endpoint', 'health', ...endpoints]);
      assert.equal((stdout + stderr).match(/is healthy/g)?.length, 3, stdout + stderr);
      const defragmented = await succeeds(['defrag', ...endpoints]);
      assert.equal(defragmented.match(/Finished defragmenting/g)?.length, 3, defragmented);
    }
  });

  test('moves the leader, with URLs as endpoints', async () => {
    const endpoints = `--endpoints=${cluster.endpoints.map((endpoint) => `http://${endpoint}`).join(',')}`;
    const leader = await cluster.leader();
    const other = cluster.members.find((member) => member !== leader);
    assert(other !== undefined);
    const { memberId } = await cluster.status(other);
    const moved = await succeeds(['move-leader', memberId.toString(16), endpoints]);
    assert.match(moved, new RegExp(`Leadership transferred from [0-9a-f]+ to ${memberId.toString(16)}`));
    assert.equal(await cluster.leader(), other);
  });

  test('hashes are equal on all members, and there is nothing to defragment', async () => {
    await succeeds(['put', 'hashed', 'value']);
    const { revision } = await cluster.client.put('hashed', 'again');
    type Hashed = { HashKV: { hash: number; header: { revision: number } } };
    // The members apply the last put one after the other.
    await eventually('every member hashes the revision', async () => {
      const { stdout } = await etcdctl(['endpoint', 'hashkv', `--rev=${revision}`, '--write-out=json']);
      const hashes: Hashed[] = JSON.parse(stdout);
      assert.equal(hashes.length, 3);
      assert.equal(new Set(hashes.map(({ HashKV }) => HashKV.hash)).size, 1);
    });
    assert.match(await succeeds(['defrag']), /Finished defragmenting etcd member/);
  });

  test('saves a snapshot, with a checksum that it accepts', async () => {
    await succeeds(['put', 'saved', 'value']);
    const [endpoint = ''] = cluster.endpoints;
    const file = join(cluster.directory, 'saved.snapshot');
    await succeeds(['snapshot', 'save', file, `--endpoints=${endpoint}`]);
    const { size } = await stat(file);
    assert.equal(size % 512, 32);
  });

  test('errors have the words of etcd', async () => {
    await fails(['put', '', 'value'], /etcdserver: key is not provided/);
    await fails(['put', 'absent-key', '--ignore-value'], /etcdserver: key not found/);
  });

  test('goes on after the leader is killed', async () => {
    await succeeds(['put', 'before', 'kill']);
    const leader = await cluster.leader();
    await leader.kill();
    await cluster.leader();
    assert.equal(await succeeds(['put', 'after', 'kill']), 'OK\n');
    assert.equal(await succeeds(['get', 'before']), 'before\nkill\n');
    leader.start();
    await cluster.leader();
  });
});

describe('etcdctl and a member that is full', { skip: missingCommand('etcdctl', 'etcd-client') }, () => {
  test('the alarm stands until keys are deleted and compacted, as the manual of etcd goes', async () => {
    await using cluster = await TestCluster.start({
      members: 1,
      flags: ['--quota-backend-bytes=1MiB'],
    });
    const endpoints = `--endpoints=${cluster.endpoints.join(',')}`;
    const etcdctl = (args: readonly string[], stdin = ''): Promise<CommandResult> =>
      runCommand('etcdctl', [...args, endpoints], { environment: { ETCDCTL_API: '3' }, stdin });
    const value = 'x'.repeat(100_000);
    const answers: CommandResult[] = [];
    await eventually('the quota is used up', async () => {
      answers.push(await etcdctl(['put', `filler ${answers.length}`], value));
      const { stdout } = await etcdctl(['alarm', 'list']);
      assert.match(stdout, /^memberID:\d+ alarm:NOSPACE/);
    });
    const refused = await etcdctl(['put', 'late', 'value']);
    assert.match(refused.stderr, /etcdserver: mvcc: database space exceeded/);
    assert.equal((await etcdctl(['get', 'filler 0', '--keys-only'])).code, 0);

    // A hand that clears the alarm while the space is used up does not help for long.
    assert.match((await etcdctl(['alarm', 'disarm'])).stdout, /alarm:NOSPACE/);
    assert.match((await etcdctl(['put', 'late'], value)).stderr, /database space exceeded/);

    assert.equal(
      (await etcdctl(['del', 'filler', '--prefix'])).stdout,
      `${answers.length - refusals(answers)}\n`,
    );
    const { revision } = await cluster.client.status(cluster.member(0).endpoint);
    assert.equal((await etcdctl(['compaction', String(revision), '--physical'])).code, 0);
    assert.equal((await etcdctl(['defrag'])).code, 0);
    await eventually('the alarm has cleared itself', async () => {
      assert.equal((await etcdctl(['alarm', 'list'])).stdout, '');
    });
    assert.equal((await etcdctl(['put', 'late'], value)).stdout, 'OK\n');
  });
});

function refusals(answers: readonly CommandResult[]): number {
  return answers.filter(({ stderr }) => stderr.includes('database space exceeded')).length;
}

/** A member that joins as etcd's do: with what `etcdctl member add` printed. */
function joining(
  { directory }: TestCluster,
  name: string,
  ports: { readonly clientPort: number; readonly peerPort: number; readonly initialCluster: string },
): MemberProcess {
  const { clientPort, peerPort, initialCluster } = ports;
  const dataDirectory = join(directory, name);
  return new MemberProcess({
    name,
    clientPort,
    peerPort,
    dataDirectory,
    logFile: `${dataDirectory}.log`,
    args: [
      `--name=${name}`,
      `--data-dir=${dataDirectory}`,
      `--listen-client-urls=http://127.0.0.1:${clientPort}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-cluster=${initialCluster}`,
      '--initial-cluster-state=existing',
      '--log-format=json',
    ],
  });
}

describe('etcdctl and the members of a cluster', { skip: missingCommand('etcdctl', 'etcd-client') }, () => {
  test('adds, promotes, updates, moves the leader, and removes', async () => {
    await using cluster = await TestCluster.start({ members: 1 });
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const [first] = cluster.members;
    assert(first !== undefined);
    const etcdctl = async (endpoint: string, ...args: readonly string[]): Promise<CommandResult> =>
      runCommand('etcdctl', [...args, `--endpoints=${endpoint}`], { environment: { ETCDCTL_API: '3' } });
    const succeeds = async (endpoint: string, ...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await etcdctl(endpoint, ...args);
      assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
      return stdout;
    };
    const fails = async (expected: RegExp, ...args: readonly string[]): Promise<void> => {
      const { code, stdout, stderr } = await etcdctl(first.endpoint, ...args);
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, expected);
    };
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    const added = await succeeds(
      first.endpoint,
      ...['member', 'add', 'm2', `--peer-urls=${peerUrl}`, '--learner'],
    );
    const [, id = ''] = /Member\s+([0-9a-f]+) added to cluster/.exec(added) ?? [];
    assert.match(added, /ETCD_INITIAL_CLUSTER_STATE="existing"/);
    const [, initialCluster = ''] = /ETCD_INITIAL_CLUSTER="([^"]*)"/.exec(added) ?? [];
    await fails(/Peer URLs already exists/, 'member', 'add', 'm3', `--peer-urls=${peerUrl}`);
    await fails(/too many learner members/, 'member', 'add', 'm3', '--peer-urls=http://h:1', '--learner');
    await fails(/can only promote a learner member which is in sync with leader/, 'member', 'promote', id);
    await fails(/member not found/, 'member', 'remove', 'abc');
    assert.match(
      await succeeds(first.endpoint, 'member', 'list'),
      new RegExp(`${id}, unstarted, , ${peerUrl}`),
    );

    const second = joining(cluster, 'm2', { clientPort, peerPort, initialCluster });
    second.start();
    try {
      await eventually('the learner has caught up and is promoted', async () => {
        assert.match(await succeeds(first.endpoint, 'member', 'promote', id), /promoted in cluster/);
      });
      await eventually('it leads', async () => {
        assert.match(await succeeds(first.endpoint, 'move-leader', id), /Leadership transferred/);
      });
      await succeeds(second.endpoint, 'put', 'through', 'the new leader');
      await succeeds(second.endpoint, 'member', 'update', id, `--peer-urls=${peerUrl}`);
      const list = await succeeds(first.endpoint, 'member', 'list');
      assert.match(list, new RegExp(`${id}, started, m2, ${peerUrl}, http://127.0.0.1:${clientPort}, false`));
      assert.match(await succeeds(first.endpoint, 'member', 'remove', id), /removed from cluster/);
      assert.equal(await second.ended(), 6);
      assert.equal(
        await succeeds(first.endpoint, 'get', 'through', '--print-value-only'),
        'the new leader\n',
      );
      const { stdout: last } = await etcdctl(first.endpoint, 'member', 'list');
      const [, own = ''] = /^([0-9a-f]+),/.exec(last) ?? [];
      await fails(/not enough started members/, 'member', 'remove', own);
    } finally {
      await second.kill();
    }
  });
});
