import { checkElectionOrder } from '../checkers/election-order.ts';
import { checkLockFencing } from '../checkers/lock-fencing.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Violation } from '../cluster/run-observer.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { streamOf } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import type { RunPlan } from '../plan/plan.ts';
import { FencedResource } from '../workload/fenced-resource.ts';
import type { LeaseRecord } from '../workload/lease-record.ts';
import { LockClient } from '../workload/lock-client.ts';
import type { LogReplay } from './log-replay.ts';

export type LockFigures = {
  /** How often somebody was told to have the lock. */
  readonly turns: number;
  /** Acts that were accepted, by the store and outside. */
  readonly accepted: number;
  /** Acts that the store refused because the lock was lost. */
  readonly refused: number;
  /** Acts that came to the resource outside after one of a later holder: without tokens two holders would have acted. */
  readonly overtaken: number;
  /** How often somebody was told who leads. */
  readonly sightings: number;
};

/** The clients of a run that want a lock, and what it guards. */
export class LockWorkload {
  private readonly outside = new FencedResource();
  private readonly clients: readonly LockClient[];

  constructor(
    { seed, locks }: RunPlan,
    parts: { readonly kernel: Kernel; readonly trace: Trace; readonly cluster: Cluster },
  ) {
    const { outside } = this;
    this.clients = Array.from({ length: locks.clients }, (_, number) => {
      const random = streamOf(seed, `locker.${number}`);
      return new LockClient({ ...parts, number, plan: locks, random, outside });
    });
  }

  get leases(): readonly LeaseRecord[] {
    return this.clients.flatMap(({ leases }) => leases);
  }

  get figures(): LockFigures {
    const inside = this.clients.flatMap(({ acts }) => acts);
    const { acts: outside } = this.outside;
    return {
      turns: this.clients.reduce((sum, { turns }) => sum + turns.length, 0),
      accepted: [...inside, ...outside].filter(({ isAccepted }) => isAccepted).length,
      refused: inside.filter(({ isAccepted }) => !isAccepted).length,
      overtaken: outside.filter(({ isAccepted }) => !isAccepted).length,
      sightings: this.clients.reduce((sum, { sightings }) => sum + sightings.length, 0),
    };
  }

  start(): void {
    for (const client of this.clients) client.start();
  }

  stop(): void {
    for (const client of this.clients) client.stop();
  }

  judge({ guardedWrites }: LogReplay): Violation | null {
    const turns = this.clients.flatMap((client) => client.turns);
    const fencing = checkLockFencing({
      turns,
      acts: this.clients.flatMap(({ acts }) => acts),
      outside: this.outside.acts,
      writes: guardedWrites.all,
    });
    if (fencing !== null) return fencing;
    return checkElectionOrder({
      turns,
      proclamations: this.clients.flatMap(({ proclamations }) => proclamations),
      sightings: this.clients.flatMap(({ sightings }) => sightings),
    });
  }
}
