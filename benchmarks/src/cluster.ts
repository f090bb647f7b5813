import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';

/** How to start one member of some system. */
export type MemberPlan = {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly dataDirectory: string;
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
  readonly plans: readonly MemberPlan[];
  readonly #processes: readonly ChildProcess[];
  readonly #directory: string;

  private constructor(directory: string, plans: readonly MemberPlan[], processes: readonly ChildProcess[]) {
    this.#directory = directory;
    this.plans = plans;
    this.#processes = processes;
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
    }));
    const processes = plans.map((member) => {
      const { file, args } = plan.command(member, plans);
      const output = openSync(join(plan.directory, `${member.name}.log`), 'w');
      try {
        return spawn(file, args, { stdio: ['ignore', output, output] });
      } finally {
        closeSync(output);
      }
    });
    return new Cluster(plan.directory, plans, processes);
  }

  get endpoints(): readonly string[] {
    return this.plans.map((plan) => plan.clientUrl);
  }

  /** The process ids, in the order of the plans. */
  get pids(): readonly number[] {
    return this.#processes.map((process) => process.pid ?? 0);
  }

  /** Throws with the end of its output if a member has ended. */
  assertRunning(): void {
    for (const [index, process] of this.#processes.entries()) {
      if (process.exitCode !== null || process.signalCode !== null || process.pid === undefined) {
        const name = this.plans[index]?.name ?? '';
        const output = readFileSync(join(this.#directory, `${name}.log`), 'utf8');
        const end = output.trim().split('\n').slice(-10).join('\n');
        throw new Error(`member ${name} ended with ${process.exitCode ?? process.signalCode}:\n${end}`);
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map(stop));
  }
}

async function stop(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null || process.pid === undefined) {
    return;
  }
  const exited = once(process, 'exit');
  process.kill('SIGTERM');
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
