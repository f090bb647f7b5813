import type { CommandBody } from '@quorate/kv';
import type { TxnResponse } from '@quorate/protocol';
import type { Replica } from '@quorate/replica';
import type { Cluster } from '../cluster/cluster.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import type { LockPlan } from '../plan/plan.ts';
import type { FencedResource } from './fenced-resource.ts';
import type { LeaseRecord } from './lease-record.ts';
import type { LeaderSighting, LockAct, LockTurn, Proclamation } from './lock-record.ts';
import {
  actFenced,
  enterQueue,
  firstInQueue,
  guardedValue,
  leaveQueue,
  lockKey,
  proclaim,
  queueUpTo,
} from './lock-requests.ts';
import { MemberCaller, type Question } from './member-caller.ts';
import { toText } from './requests.ts';

/** How often a client looks whether it is the first, and how often it tries what does not succeed. */
const LOOK_AGAIN_MS = 40;
const ATTEMPTS_MAX = 6;
/** Apart from those of clients with leases. */
const FIRST_LEASE = 1_000_000n;

/** From the grant of a lease to the end of what is done under it. */
type Session = {
  readonly lease: LeaseRecord;
  /** The revision that created its key; 0 before. */
  token: number;
  /** It does not notice that time passes: nothing is renewed, and it believes that it holds the lock. */
  isStalled: boolean;
  isOver: boolean;
};

/**
 * A client that takes a lock by etcd's recipe, holds it, and acts on what it guards: on a key of the store, in a
 * transaction that compares the creation of its own key, and on a resource outside. Now and then it stalls, beyond
 * its lease, and goes on as if nothing had happened.
 *
 * A lock and an election are the same queue (etcd's services): a holder leads, and proclaims values too, and those who
 * wait ask who leads.
 */
export class LockClient {
  readonly leases: LeaseRecord[] = [];
  readonly turns: LockTurn[] = [];
  readonly acts: LockAct[] = [];
  readonly proclamations: Proclamation[] = [];
  readonly sightings: LeaderSighting[] = [];
  readonly name: string;
  private readonly number: number;
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly caller: MemberCaller;
  private readonly plan: LockPlan;
  private readonly random: RandomStream;
  private readonly outside: FencedResource;
  private actCount = 0;

  constructor(parts: {
    readonly number: number;
    readonly kernel: Kernel;
    readonly trace: Trace;
    readonly cluster: Cluster;
    readonly plan: LockPlan;
    readonly random: RandomStream;
    readonly outside: FencedResource;
  }) {
    this.number = parts.number;
    this.name = `m${parts.number}`;
    this.kernel = parts.kernel;
    this.trace = parts.trace;
    this.plan = parts.plan;
    this.random = parts.random;
    this.outside = parts.outside;
    this.caller = new MemberCaller({ ...parts, name: this.name });
  }

  start(): void {
    this.caller.after(this.random.integer(500), () => this.begin());
  }

  /** Falls silent, whatever it holds. */
  stop(): void {
    this.caller.stop();
  }

  private begin(): void {
    if (this.caller.isStopped || this.leases.length >= this.plan.sessionsMax) return;
    const askedUs = this.kernel.nowUs;
    const id = FIRST_LEASE + BigInt(this.number * 1000 + this.leases.length);
    const { ttlSeconds } = this.plan;
    const lease: LeaseRecord = { id, client: this.name, ttlSeconds, promisedUs: [], lastAskedUs: askedUs };
    this.leases.push(lease);
    const session: Session = { lease, token: 0, isStalled: false, isOver: false };
    this.ask(session, {
      what: `a lease ${id} for the lock`,
      perform: async (replica, call) => replica.leases.grant(id, ttlSeconds, call),
      answered: ({ TTL }) => {
        lease.ttlSeconds = TTL;
        lease.promisedUs.push(askedUs);
        this.keepAlive(session);
        this.pause(session, 100, () => this.enter(session, ATTEMPTS_MAX));
      },
      failed: () => this.end(session),
    });
  }

  /** Beside all else, until the session is over. */
  private keepAlive(session: Session): void {
    const { lease } = session;
    this.caller.after(lease.ttlSeconds * 300, () => {
      if (session.isOver || this.caller.isStopped) return;
      if (session.isStalled) {
        this.keepAlive(session);
        return;
      }
      const askedUs = this.kernel.nowUs;
      this.ask(session, {
        what: `to keep ${lease.id} alive`,
        perform: async (replica, call) => replica.leases.renew(lease.id, call),
        answered: (ttlSeconds) => {
          if (ttlSeconds > 0) {
            lease.promisedUs.push(askedUs);
            this.keepAlive(session);
          } else if (!session.isStalled) {
            this.end(session);
          }
        },
        failed: () => this.keepAlive(session),
      });
    });
  }

  private enter(session: Session, attempts: number): void {
    this.transact(session, `for a place in the queue`, enterQueue(session.lease.id), attempts, (answer) => {
      const found = answer.responses[0]?.response;
      const earlier = found?.$case === 'responseRange' ? found.responseRange.kvs[0] : undefined;
      session.token = earlier?.createRevision ?? answer.header?.revision ?? 0;
      this.awaitTurn(session);
    });
  }

  private awaitTurn(session: Session): void {
    if (session.isOver) return;
    const { token, lease } = session;
    const askedUs = this.kernel.nowUs;
    const again = (): void =>
      this.caller.after(LOOK_AGAIN_MS, () => {
        if (this.random.chance(0.3)) this.lookWhoLeads(session);
        else this.awaitTurn(session);
      });
    this.ask(session, {
      what: `whether ${token} is the first`,
      perform: async (replica, call) => {
        await replica.linearize(call);
        return replica.store.range(queueUpTo(token));
      },
      answered: ({ kvs: [own, before] }) => {
        if (session.isOver) return;
        if (own?.createRevision !== token || toText(own.key) !== lockKey(lease.id)) {
          this.end(session);
        } else if (before !== undefined) {
          again();
        } else {
          this.turns.push({ client: this.name, token, askedUs, toldUs: this.kernel.nowUs });
          this.trace.detail(this.name, () => `has the lock, token ${token}`);
          this.hold(session, this.random.between(1, this.plan.actsMax));
        }
      },
      failed: again,
    });
  }

  private lookWhoLeads(session: Session): void {
    const askedUs = this.kernel.nowUs;
    const goOn = (): void => this.awaitTurn(session);
    this.ask(session, {
      what: 'who leads',
      perform: async (replica, call) => {
        await replica.linearize(call);
        return replica.store.range(firstInQueue());
      },
      answered: ({ kvs: [leader] }) => {
        if (leader !== undefined) {
          const { createRevision: token, modRevision: revision } = leader;
          const value = toText(leader.value);
          const toldUs = this.kernel.nowUs;
          this.sightings.push({ client: this.name, token, revision, value, askedUs, toldUs });
        }
        goOn();
      },
      failed: goOn,
    });
  }

  private hold(session: Session, acts: number): void {
    if (session.isOver || this.caller.isStopped) return;
    if (acts === 0) {
      this.release(session);
      return;
    }
    this.pause(session, this.plan.holdMaxMs, () => {
      const next = (): void => this.hold(session, acts - 1);
      this.actOutside(session);
      if (this.random.chance(0.3)) this.proclaim(session, next);
      else this.actInside(session, next);
    });
  }

  /** A while, or so long that the lease may end. One that stalled cannot know that, and goes on. */
  private pause(session: Session, usuallyMaxMs: number, next: () => void): void {
    session.isStalled = this.random.chance(this.plan.stallChance);
    const pauseMs = session.isStalled
      ? session.lease.ttlSeconds * 1000 * this.random.pick([0.9, 1.5, 3])
      : this.random.integer(usuallyMaxMs);
    this.caller.after(pauseMs, () => {
      session.isStalled = false;
      next();
    });
  }

  /** On its way a message may be late, and arrive when others hold the lock. */
  private actOutside({ token }: Session): void {
    this.caller.after(this.random.integer(200), () => this.outside.act(this.name, token));
  }

  private actInside(session: Session, next: () => void): void {
    const { token, lease } = session;
    this.actCount += 1;
    const value = guardedValue(lease.id, token, `${this.name}.${this.actCount}`);
    const body = actFenced(lease.id, token, value);
    this.transact(session, `to act under ${token}`, body, 1, ({ succeeded, header }) => {
      const revision = header?.revision ?? 0;
      this.acts.push({ client: this.name, token, value, isAccepted: succeeded, revision });
      if (succeeded) next();
      else this.end(session);
    });
  }

  private proclaim(session: Session, next: () => void): void {
    const { token, lease } = session;
    this.actCount += 1;
    const value = `${this.name}.${this.actCount}`;
    this.transact(
      session,
      `to proclaim ${value}`,
      proclaim(lease.id, token, value),
      1,
      ({ succeeded, header }) => {
        const revision = header?.revision ?? 0;
        const toldUs = this.kernel.nowUs;
        if (succeeded) this.proclamations.push({ client: this.name, token, value, revision, toldUs });
        if (succeeded) next();
        else this.end(session);
      },
    );
  }

  private release(session: Session): void {
    const { token, lease } = session;
    switch (this.random.pick(['leave', 'revoke', 'silence'] as const)) {
      case 'silence':
        this.end(session);
        return;
      case 'revoke': {
        const end = (): void => this.end(session);
        const perform = async (
          replica: Replica,
          call: Parameters<Replica['linearize']>[0],
        ): Promise<unknown> => replica.leases.revoke(lease.id, call);
        this.ask(session, { what: `to revoke ${lease.id}`, perform, answered: end, failed: end });
        return;
      }
      case 'leave':
        this.transact(session, 'to leave the queue', leaveQueue(lease.id, token), 1, () => this.end(session));
        return;
    }
  }

  /** A transaction that is tried some times, as it has the same effect once and several times, before it is given up. */
  private transact(
    session: Session,
    what: string,
    body: CommandBody,
    attempts: number,
    answered: (answer: TxnResponse) => void,
  ): void {
    this.ask(session, {
      what,
      perform: async (replica, call) => replica.propose(body, call),
      answered: (response) => {
        if (response.$case === 'txn' && !session.isOver) answered(response.txn);
      },
      failed: () => {
        if (session.isOver) return;
        if (attempts > 1) this.transact(session, what, body, attempts - 1, answered);
        else this.end(session);
      },
    });
  }

  private end(session: Session): void {
    if (session.isOver) return;
    session.isOver = true;
    this.caller.after(this.random.integer(300), () => this.begin());
  }

  private ask<Answer>({ lease }: Session, question: Question<Answer>): void {
    const over = (): void => {
      lease.lastAskedUs = this.kernel.nowUs;
    };
    this.caller.ask({ ...question, over });
  }
}
