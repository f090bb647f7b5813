import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { QuorateClient } from '@quorate/client';
import { BackgroundWriter } from './harness/background-writer.ts';
import { quorate } from './harness/command.ts';
import { eventually } from './harness/eventually.ts';
import { freePorts } from './harness/free-ports.ts';
import { MemberProcess } from './harness/member-process.ts';
import { addMember, member } from './harness/new-member.ts';
import { TestCluster } from './harness/test-cluster.ts';

/** Members that come later, with a client that knows where they will be. */
class Newcomers implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly client: QuorateClient;
  readonly started: MemberProcess[] = [];
  readonly #ports: readonly number[];
  #next = 0;

  private constructor(cluster: TestCluster, ports: readonly number[]) {
    this.cluster = cluster;
    this.#ports = ports;
    const later = ports.filter((_, index) => index % 2 === 0).map((port) => `127.0.0.1:${port}`);
    this.client = new QuorateClient({ endpoints: [...cluster.endpoints, ...later], timeoutMs: 30_000 });
  }

  static async prepare(cluster: TestCluster, count: number): Promise<Newcomers> {
    return new Newcomers(cluster, await freePorts(count * 2));
  }

  /** Everyone who runs. */
  get running(): readonly MemberProcess[] {
    return [...this.cluster.members, ...this.started].filter(({ isRunning }) => isRunning);
  }

  get endpoints(): readonly string[] {
    return this.running.map(({ endpoint }) => endpoint);
  }

  /** Adds a member and starts it as it was printed. */
  async add(name: string, learner = false): Promise<MemberProcess> {
    const [clientPort = 0, peerPort = 0] = this.#ports.slice(this.#next, this.#next + 2);
    this.#next += 2;
    const { directory } = this.cluster;
    const added = await addMember({
      name,
      clientPort,
      peerPort,
      directory,
      endpoints: this.endpoints,
      learner,
    });
    added.start();
    this.started.push(added);
    return added;
  }

  /** Waits until so many members vote, and nobody else is there. */
  async voters(count: number): Promise<void> {
    await eventually(`${count} members vote`, async () => {
      const members = await this.client.members();
      assert.deepEqual(
        members.map(({ isLearner, name }) => [isLearner, name === '']),
        Array.from({ length: count }, () => [false, false]),
      );
    });
  }

  /** Waits until everyone who runs has the same content, and returns it. */
  async agreedContent(): Promise<readonly string[]> {
    return eventually('the members have the same content', async () => {
      const [first, ...others] = await Promise.all(this.running.map((each) => this.cluster.contentOf(each)));
      assert(first !== undefined);
      for (const other of others) assert.deepEqual(other, first);
      return first;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await Promise.all(this.started.map((each) => each.kill()));
  }
}

test('a cluster grows from one to three to five members under load', async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  await using newcomers = await Newcomers.prepare(cluster, 4);
  const writer = new BackgroundWriter(newcomers.client, 'load');
  await writer.progress(20);
  for (const [index, name] of ['m2', 'm3', 'm4', 'm5'].entries()) {
    await newcomers.add(name);
    await newcomers.voters(index + 2);
    await writer.progress(20);
  }
  await writer.stop();
  assert.deepEqual(writer.failures, []);
  writer.assertContained(await newcomers.agreedContent());
});

test('every member is replaced, one by one, under load: no write is lost, and no request fails', async () => {
  await using cluster = await TestCluster.start();
  await using newcomers = await Newcomers.prepare(cluster, 3);
  const writer = new BackgroundWriter(newcomers.client, 'load');
  await writer.progress(20);
  for (const [index, replaced] of cluster.members.entries()) {
    await newcomers.add(`m${index + 4}`);
    await newcomers.voters(4);
    await member(['remove', replaced.name], newcomers.endpoints);
    assert.equal(await replaced.ended(), 6, 'it stops by itself, and says that it was removed');
    assert.match(replaced.lastOutput(), /was removed from the cluster/);
    await newcomers.voters(3);
    await writer.progress(20);
  }
  await writer.stop();
  assert.deepEqual(writer.failures, []);
  writer.assertContained(await newcomers.agreedContent());

  const [removed] = cluster.members;
  assert(removed !== undefined);
  removed.start();
  assert.equal(await removed.ended(), 6, 'it does not come back');
});

test('a member that lost its disk comes back as a new one, and in no other way', async () => {
  await using cluster = await TestCluster.start();
  await using newcomers = await Newcomers.prepare(cluster, 1);
  const writer = new BackgroundWriter(newcomers.client, 'load');
  await writer.progress(20);
  const wiped = cluster.member(1);
  await wiped.kill();
  await rm(wiped.plan.dataDirectory, { recursive: true });
  const { code, stderr } = await quorate(['serve', ...wiped.plan.args, '--initial-cluster-state=existing']);
  assert.equal(code, 1);
  assert.match(stderr, /has run before, and its data is not in this data directory.*quorate member remove/);
  // It may say that it founds the cluster as often as it likes: the others know that it has run.
  for (const _ of [1, 2]) {
    wiped.start();
    assert.equal(await wiped.ended(), 6);
    assert.match(wiped.lastOutput(), /has run before, and its data is not in this data directory/);
  }
  await member(['remove', 'm2'], newcomers.endpoints);
  await newcomers.add('m2');
  await newcomers.voters(3);
  await writer.progress(20);
  await writer.stop();
  writer.assertContained(await newcomers.agreedContent());
});

test('a member moves to another address', async () => {
  await using cluster = await TestCluster.start();
  const moved = cluster.member(2);
  const [peerPort = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${peerPort}`;
  await cluster.client.put('before', 'moving');
  await member(['update', 'm3', `--peer-url=${url}`], cluster.endpoints);
  await moved.stop();
  const args = moved.plan.args
    .filter((arg) => !/^--(initial-advertise|listen)-peer-urls=/.test(arg))
    .map((arg) => arg.replace(`m3=http://127.0.0.1:${moved.plan.peerPort}`, `m3=${url}`));
  const again = new MemberProcess({
    ...moved.plan,
    args: [...args, `--listen-peer-urls=${url}`, `--initial-advertise-peer-urls=${url}`],
  });
  again.start();
  try {
    await cluster.client.put('after', 'moving');
    await eventually('it hears the others', async () => {
      assert.equal(await cluster.readLocally(again, 'after'), 'moving');
    });
  } finally {
    await again.kill();
  }
});

test('leaders stop one after the other, and no request of any client fails', async () => {
  await using cluster = await TestCluster.start();
  const clients = Array.from(
    { length: 4 },
    () => new QuorateClient({ endpoints: cluster.endpoints, timeoutMs: 10_000 }),
  );
  try {
    const writers = clients.map((client, index) => new BackgroundWriter(client, `client-${index}`));
    await Promise.all(writers.map((writer) => writer.progress(10)));
    for (let round = 0; round < 4; round += 1) {
      const leader = await cluster.leader();
      assert.equal(await leader.stop(), 0);
      await Promise.all(writers.map((writer) => writer.progress(10)));
      leader.start();
      await eventually('it is back', async () => {
        assert.equal((await cluster.status(leader)).leader === 0n, false);
      });
      await Promise.all(writers.map((writer) => writer.progress(10)));
    }
    await Promise.all(writers.map((writer) => writer.stop()));
    assert.deepEqual(
      writers.flatMap(({ failures }) => failures),
      [],
    );
    const content = await cluster.agreedContent();
    for (const writer of writers) writer.assertContained(content);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
});
