import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';

/** How to start one member of some system. */
export type MemberPlan = {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly dataDirectory: string;
  /** Whether it founds the cluster, or was added to one that exists. */
  readonly clusterState: 'new' | 'existing';
};

export type Command = { readonly file: string; readonly args: readonly string[] };

/** What to start: `command` is asked once for each member, with the plans of all of them. */
export type ClusterPlan = {
  readonly directory: string;
  readonly members: number;
  readonly command: (member: MemberPlan, all: readonly MemberPlan[]) => Command;
};

const stopTimeoutMs = 10_000;

/** A cluster of child processes on free loopback ports. `close` ends all of them. */
export class Cluster {
  readonly #plan: ClusterPlan;
  readonly #plans: MemberPlan[];
  readonly #processes: ChildProcess[];

  private constructor(plan: ClusterPlan, plans: MemberPlan[]) {
    this.#plan = plan;
    this.#plans = plans;
    this.#processes = plans.map((member) => launch(plan, member, plans));
  }

  /** Starts the processes; does not wait until they answer. Their output goes to files in the directory. */
  static async start(plan: ClusterPlan): Promise<Cluster> {
    await mkdir(plan.directory, { recursive: true });
    const ports = await freePorts(plan.members * 2);
    const plans = Array.from({ length: plan.members }, (_, index) => ({
      name: `m${index + 1}`,
      clientUrl: `http://127.0.0.1:${ports[index * 2]}`,
      peerUrl: `http://127.0.0.1:${ports[index * 2 + 1]}`,
      dataDirectory: join(plan.directory, `m${index + 1}`),
      clusterState: 'new' as const,
    }));
    return new Cluster(plan, plans);
  }

  get plans(): readonly MemberPlan[] {
    return this.#plans;
  }

  get endpoints(): readonly string[] {
    return this.#plans.map((plan) => plan.clientUrl);
  }

  /** The process ids, in the order of the plans. */
  get pids(): readonly number[] {
    return this.#processes.map((process) => process.pid ?? 0);
  }

  /** Ends one member, unless it has ended by itself. `index` is its place in the plans. */
  async stopMember(index: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await stop(this.#process(index), signal);
  }

  /** Starts a member that has ended, on the data that it left. Does not wait until it answers. */
  startMember(index: number): void {
    const process = this.#process(index);
    assert(hasEnded(process), 'the member is still running');
    this.#processes[index] = launch(this.#plan, this.#member(index), this.#plans);
  }

  /** Removes the data of a member that has ended. Its next start joins the cluster, to which it must be added. */
  async wipeMember(index: number): Promise<void> {
    assert(hasEnded(this.#process(index)), 'the member is still running');
    const member = this.#member(index);
    await rm(member.dataDirectory, { recursive: true, force: true });
    this.#plans[index] = { ...member, clusterState: 'existing' };
  }

  /** Throws with the end of its output if a member has ended. */
  assertRunning(): void {
    for (const [index, process] of this.#processes.entries()) {
      if (hasEnded(process)) {
        const { name } = this.#member(index);
        const output = readFileSync(join(this.#plan.directory, `${name}.log`), 'utf8');
        const end = output.trim().split('\n').slice(-10).join('\n');
        throw new Error(`member ${name} ended with ${process.exitCode ?? process.signalCode}:\n${end}`);
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => stop(process, 'SIGTERM')));
  }

  #process(index: number): ChildProcess {
    const process = this.#processes[index];
    assert(process !== undefined, `there is no member ${index}`);
    return process;
  }

  #member(index: number): MemberPlan {
    const member = this.#plans[index];
    assert(member !== undefined, `there is no member ${index}`);
    return member;
  }
}

function launch(plan: ClusterPlan, member: MemberPlan, all: readonly MemberPlan[]): ChildProcess {
  const { file, args } = plan.command(member, all);
  const output = openSync(join(plan.directory, `${member.name}.log`), 'a');
  try {
    return spawn(file, args, { stdio: ['ignore', output, output] });
  } finally {
    closeSync(output);
  }
}

function hasEnded(process: ChildProcess): boolean {
  return process.exitCode !== null || process.signalCode !== null || process.pid === undefined;
}

async function stop(process: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (hasEnded(process)) return;
  const exited = once(process, 'exit');
  process.kill(signal);
  const timer = setTimeout(() => process.kill('SIGKILL'), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

/** Ports that were free a moment ago: all are held at once, so that they differ, and then released. */
async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      const server = createServer();
      servers.push(server);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return servers.map((server) => {
      const address = server.address();
      if (address === null || typeof address === 'string') {
        throw new Error('a TCP server has no port');
      }
      return address.port;
    });
  } finally {
    await Promise.all(
      servers.map(async (server) => {
        server.close();
        await once(server, 'close');
      }),
    );
  }
}
