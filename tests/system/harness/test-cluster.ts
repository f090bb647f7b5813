import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type MemberStatus, QuorateClient } from '@quorate/client';
import { eventually, HopelessError } from './eventually.ts';
import { freePorts } from './free-ports.ts';
import { MemberProcess } from './member-process.ts';
import { TemporaryDirectory } from './temporary-directory.ts';

export type TestClusterOptions = {
  readonly members?: number;
  /** More flags for every member. */
  readonly flags?: readonly string[];
  /**
   * Puts something between the members: takes a member's name and where it listens for the others, and returns
   * the port by which the others are to know it. By default that is the same.
   */
  readonly exposePeer?: (name: string, port: number) => Promise<number>;
};

/**
 * A cluster of real member processes on free loopback ports, with its data in a temporary directory.
 * `await using` ends the processes and removes the data, also when the test fails.
 */
export class TestCluster implements AsyncDisposable {
  readonly members: readonly MemberProcess[];
  /** Knows every member's endpoint. */
  readonly client: QuorateClient;
  readonly #directory: TemporaryDirectory;

  private constructor(directory: TemporaryDirectory, members: readonly MemberProcess[]) {
    this.#directory = directory;
    this.members = members;
    this.client = new QuorateClient({ endpoints: this.endpoints, timeoutMs: 30_000 });
  }

  /** Starts all members and waits until one of them leads. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const cluster = await TestCluster.prepare(options);
    for (const member of cluster.members) {
      member.start();
    }
    try {
      await cluster.leader();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Lays the cluster out without starting a member. */
  static async prepare(options: TestClusterOptions = {}): Promise<TestCluster> {
    const directory = await TemporaryDirectory.create();
    const members = await planMembers(directory.path, options);
    return new TestCluster(directory, members);
  }

  get endpoints(): readonly string[] {
    return this.members.map((member) => member.endpoint);
  }

  /** For files that belong to the test. */
  get directory(): string {
    return this.#directory.path;
  }

  /** Leaves data and logs where they are when the cluster is disposed of. */
  keepDirectory(): void {
    this.#directory.keep();
  }

  member(index: number): MemberProcess {
    const member = this.members[index];
    assert(member !== undefined, `there is no member ${index}`);
    return member;
  }

  /** The members that run at the moment. */
  get running(): readonly MemberProcess[] {
    return this.members.filter((member) => member.isRunning);
  }

  /** What a member says of itself. Rejects if it does not answer soon. */
  status(member: MemberProcess): Promise<MemberStatus> {
    return this.client.status(member.endpoint, { timeoutMs: 2_000 });
  }

  /** Waits until all members that run agree on a leader that runs too, and returns it. */
  async leader(): Promise<MemberProcess> {
    return eventually('the members agree on a leader', async () => {
      this.#checkMajorityRuns();
      const statuses = await Promise.all(this.running.map((member) => this.status(member)));
      const [first] = statuses;
      assert(first !== undefined && first.leader !== 0n, 'no leader is known');
      for (const status of statuses) {
        assert.equal(status.leader, first.leader, `${status.endpoint} knows another leader`);
        assert.equal(status.term, first.term, `${status.endpoint} is in another term`);
      }
      const index = statuses.findIndex((status) => status.isLeader);
      const member = this.running[index];
      assert(member !== undefined, 'the leader does not run');
      return member;
    });
  }

  async followers(): Promise<readonly MemberProcess[]> {
    const leader = await this.leader();
    return this.running.filter((member) => member !== leader);
  }

  /** Runs `work` with a client that knows only this member. */
  async onlyThrough<T>(member: MemberProcess, work: (client: QuorateClient) => Promise<T>): Promise<T> {
    await using client = new QuorateClient({ endpoints: member.endpoint, timeoutMs: 10_000 });
    return await work(client);
  }

  /** Reads from one member's own state, without asking the others; null if it does not have the key. */
  async readLocally(member: MemberProcess, key: string): Promise<string | null> {
    return this.onlyThrough(member, async (client) => {
      const entry = await client.get(key, { serializable: true });
      return entry?.text() ?? null;
    });
  }

  /** The whole content of one member's own state, as text. */
  async contentOf(member: MemberProcess): Promise<readonly string[]> {
    return this.onlyThrough(member, async (client) => {
      const { items } = await client.rangePage({ prefix: '' }, { serializable: true });
      return items.map(
        (entry) => `${entry.keyText()}=${entry.text()} @${entry.modRevision} v${entry.version}`,
      );
    });
  }

  /** Waits until all members that run have the same content, and returns it. */
  async agreedContent(): Promise<readonly string[]> {
    return eventually('the members have the same content', async () => {
      const [first, ...others] = await Promise.all(this.running.map((member) => this.contentOf(member)));
      assert(first !== undefined);
      for (const other of others) {
        assert.deepEqual(other, first);
      }
      return first;
    });
  }

  #checkMajorityRuns(): void {
    if (this.running.length * 2 <= this.members.length) {
      const ends = this.members.map((member) => `${member.name}: ${member.lastOutput()}`);
      throw new HopelessError(`too few members run for a leader\n${ends.join('\n')}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await Promise.all(this.members.map((member) => member.kill()));
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** Lays out the members of a new cluster. */
export async function planMembers(directory: string, options: TestClusterOptions): Promise<MemberProcess[]> {
  const count = options.members ?? 3;
  const ports = await freePorts(count * 2);
  const names = Array.from({ length: count }, (_, index) => `m${index + 1}`);
  const portOfPeer = (index: number): number => ports[index * 2 + 1] ?? 0;
  const exposedPorts = await Promise.all(
    names.map(async (name, index) => options.exposePeer?.(name, portOfPeer(index)) ?? portOfPeer(index)),
  );
  const exposedUrl = (index: number): string => `http://127.0.0.1:${exposedPorts[index] ?? 0}`;
  const initialCluster = names.map((name, index) => `${name}=${exposedUrl(index)}`).join(',');
  return names.map((name, index) => {
    const clientPort = ports[index * 2] ?? 0;
    const peerPort = portOfPeer(index);
    const dataDirectory = join(directory, name);
    return new MemberProcess({
      name,
      clientPort,
      peerPort,
      dataDirectory,
      logFile: join(directory, `${name}.log`),
      args: [
        `--name=${name}`,
        `--data-dir=${dataDirectory}`,
        `--listen-client-urls=http://127.0.0.1:${clientPort}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-advertise-peer-urls=${exposedUrl(index)}`,
        `--initial-cluster=${initialCluster}`,
        '--log-format=json',
        '--log-level=debug',
        ...(options.flags ?? []),
      ],
    });
  });
}
