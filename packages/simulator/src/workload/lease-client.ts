import { PutRequest } from '@quorate/protocol';
import type { Call, Replica } from '@quorate/replica';
import type { Cluster } from '../cluster/cluster.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import type { LeasePlan } from '../plan/plan.ts';
import type { LeaseRecord } from './lease-record.ts';
import { MemberCaller } from './member-caller.ts';
import { toBytes } from './requests.ts';

/**
 * A client with one lease after the other: it has a lease granted, alone or with a first key (`putWithTtl`), puts keys
 * under it, keeps it alive for a while at one member or another, and then revokes it, detaches its keys, or falls silent.
 */
export class LeaseClient {
  readonly records: LeaseRecord[] = [];
  readonly name: string;
  private readonly number: number;
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly caller: MemberCaller;
  private readonly plan: LeasePlan;
  private readonly random: RandomStream;

  constructor(parts: {
    readonly number: number;
    readonly kernel: Kernel;
    readonly trace: Trace;
    readonly cluster: Cluster;
    readonly plan: LeasePlan;
    readonly random: RandomStream;
  }) {
    this.number = parts.number;
    this.name = `l${parts.number}`;
    this.kernel = parts.kernel;
    this.trace = parts.trace;
    this.plan = parts.plan;
    this.random = parts.random;
    this.caller = new MemberCaller({ ...parts, name: this.name });
  }

  start(): void {
    this.caller.after(this.random.integer(500), () => this.grant());
  }

  /** Falls silent: no lease is kept alive any longer. */
  stop(): void {
    this.caller.stop();
  }

  private grant(): void {
    if (this.caller.isStopped || this.records.length >= this.plan.leasesMax) return;
    const askedUs = this.kernel.nowUs;
    const id = BigInt((this.number + 1) * 1000 + this.records.length);
    const ttlSeconds = this.random.between(1, this.plan.ttlMaxSeconds);
    const record: LeaseRecord = { id, client: this.name, ttlSeconds, promisedUs: [], lastAskedUs: askedUs };
    this.records.push(record);
    const granted = (seconds: number): void => {
      record.ttlSeconds = seconds;
      record.promisedUs.push(askedUs);
      this.attach(record, this.random.integer(4));
    };
    const failed = (): void => this.caller.after(this.random.integer(500), () => this.grant());
    const what = `a lease ${id} of ${ttlSeconds} s`;
    if (this.random.integer(3) > 0) {
      const perform = async (replica: Replica, call: Call) => replica.leases.grant(id, ttlSeconds, call);
      this.ask(record, what, perform, ({ TTL }) => granted(TTL), failed);
      return;
    }
    const put = leasedPut(id, 0, id);
    const perform = async (replica: Replica, call: Call) => replica.leases.putWithTtl(put, ttlSeconds, call);
    this.ask(record, `${what}, with a key`, perform, ({ ttl }) => granted(ttl), failed);
  }

  private attach(record: LeaseRecord, keys: number): void {
    if (keys === 0) {
      this.keepAlive(record, this.random.integer(this.plan.renewalsMax));
      return;
    }
    this.put(record, keys, record.id, () => this.attach(record, keys - 1));
  }

  private put(record: LeaseRecord, key: number, lease: bigint, next: () => void): void {
    const put = leasedPut(record.id, key, lease);
    const perform = async (replica: Replica, call: Call) => replica.propose({ $case: 'put', put }, call);
    this.ask(record, `to put ${key} under ${lease}`, perform, next, next);
  }

  private keepAlive(record: LeaseRecord, rounds: number): void {
    if (this.caller.isStopped || rounds === 0) {
      this.end(record);
      return;
    }
    const pauseMs = record.ttlSeconds * 1000 * this.random.pick([0.2, 0.3, 0.4, 0.7]);
    this.caller.after(pauseMs, () => {
      const askedUs = this.kernel.nowUs;
      const again = (): void => this.keepAlive(record, rounds - 1);
      this.ask(
        record,
        `to keep ${record.id} alive`,
        async (replica, call) => replica.leases.renew(record.id, call),
        (ttlSeconds) => {
          if (ttlSeconds > 0) record.promisedUs.push(askedUs);
          this.trace.detail(this.name, () => `is told that ${record.id} lasts ${ttlSeconds} s`);
          if (ttlSeconds > 0) again();
          else this.grant();
        },
        again,
      );
    });
  }

  private end(record: LeaseRecord): void {
    const next = (): void => this.caller.after(this.random.integer(1000), () => this.grant());
    switch (this.random.pick(['silence', 'silence', 'silence', 'revoke', 'detach'] as const)) {
      case 'silence':
        next();
        return;
      case 'revoke':
        this.ask(
          record,
          `to revoke ${record.id}`,
          async (replica, call) => replica.leases.revoke(record.id, call),
          next,
          next,
        );
        return;
      case 'detach':
        this.put(record, 1, 0n, next);
        return;
    }
  }

  private ask<Answer>(
    record: LeaseRecord,
    what: string,
    perform: (replica: Replica, call: Call) => Promise<Answer>,
    answered: (answer: Answer) => void,
    failed: () => void,
  ): void {
    const over = (): void => {
      record.lastAskedUs = this.kernel.nowUs;
    };
    this.caller.ask({ what, perform, answered, failed, over });
  }
}

/** Puts one of the keys that belong to a lease, under this lease or under none. */
function leasedPut(id: bigint, key: number, lease: bigint): PutRequest {
  return PutRequest.create({ key: toBytes(`leased/${id}/${key}`), value: toBytes('v'), lease });
}
