import type { ApplyResult, CommandBody, CommandResponse, Lease } from '@quorate/kv';
import type { PutRequest } from '@quorate/protocol';
import { assert, type MemberId, type Term } from '@quorate/raft';
import type { Call } from '../call.ts';
import { PeerCallError } from '../peer-call.ts';
import { Pauses } from '../pauses.ts';
import { ReplicaError } from '../replica-error.ts';
import type { ReplicaOptions } from '../replica-options.ts';
import { LeaseExpiry } from './lease-expiry.ts';
import type { LeaseHost } from './lease-host.ts';
import { defaultLeaseLimits, type LeaseLimits } from './lease-limits.ts';
import { LeaseTimekeeper } from './lease-timekeeper.ts';

/** A lease and how much is left of it, in milliseconds: 0 if its end is overdue. */
export type LeaseLife = { readonly lease: Lease; readonly remainingMs: number };

type ResponseOf<Case extends CommandBody['$case']> = Extract<CommandResponse, { readonly $case: Case }>;

/**
 * What clients want of leases. Grants and revocations are entries of the log. How long a lease has to live is known
 * to the leader alone: a member that does not lead asks the leader.
 *
 * Everything waits for a leader until the call's deadline, and rejects with a ReplicaError or a StoreError.
 */
export class LeaseService {
  private readonly host: LeaseHost;
  private readonly timekeeper: LeaseTimekeeper;
  private readonly expiry: LeaseExpiry;
  private readonly pauses: Pauses;
  private readonly ttlMinSeconds: number;

  /** The part of a member that runs with these options. */
  static of(
    options: Pick<ReplicaOptions, 'memberId' | 'store' | 'clock' | 'random' | 'logger' | 'tickMs'> & {
      readonly raft: Pick<ReplicaOptions['raft'], 'electionTimeoutTicks'>;
    },
    live: Pick<LeaseHost, 'leader' | 'propose' | 'proposeOnce' | 'linearize' | 'callPeer'>,
  ): LeaseService {
    const { memberId, store, clock, random, logger, tickMs, raft } = options;
    const electionTimeoutMs = raft.electionTimeoutTicks * tickMs;
    const host = { ...live, memberId, store, clock, random, logger, tickMs, electionTimeoutMs };
    return new LeaseService(host, defaultLeaseLimits);
  }

  private constructor(host: LeaseHost, limits: LeaseLimits) {
    this.host = host;
    this.timekeeper = new LeaseTimekeeper(host.store);
    this.expiry = new LeaseExpiry(host, this.timekeeper, limits);
    this.pauses = new Pauses(host.clock);
    // A client must be able to find another leader while its lease lasts. As etcd.
    this.ttlMinSeconds = Math.ceil((1.5 * host.electionTimeoutMs) / 1000);
  }

  /**
   * Grants a lease. `id` 0 lets the member choose one; a TTL below the minimum, one and a half election timeouts,
   * is raised to it. Rejects with `lease-exists`, `lease-ttl-too-large`.
   */
  async grant(id: bigint, ttlSeconds: number, call: Call): Promise<ResponseOf<'leaseGrant'>['leaseGrant']> {
    const leaseGrant = { ID: this.chosenId(id), TTL: this.allowedTtl(ttlSeconds) };
    return (await this.execute({ $case: 'leaseGrant', leaseGrant }, call)).leaseGrant;
  }

  /** Ends a lease and deletes its keys. Rejects with `lease-not-found`. */
  async revoke(id: bigint, call: Call): Promise<ResponseOf<'leaseRevoke'>['leaseRevoke']> {
    const leaseRevoke = { id, expiredInTerm: 0 };
    return (await this.execute({ $case: 'leaseRevoke', leaseRevoke }, call)).leaseRevoke;
  }

  /** Grants the lease that `put` names (0: one that the member chooses) and puts under it, in one entry. */
  async putWithTtl(put: PutRequest, ttlSeconds: number, call: Call): Promise<ResponseOf<'putWithTtl'>> {
    const putWithTtl = { put: { ...put, lease: this.chosenId(put.lease) }, ttl: this.allowedTtl(ttlSeconds) };
    return this.execute({ $case: 'putWithTtl', putWithTtl }, call);
  }

  /**
   * Keeps a lease alive. Resolves with its TTL in seconds: it lasts as long from when this was called. 0 if there
   * is no such lease; one that has expired is waited for to be gone.
   */
  async renew(id: bigint, call: Call): Promise<number> {
    return this.askLeader(
      call,
      async (term) => this.renewHere(id, term, call),
      async (leader) => (await this.host.callPeer(leader, { type: 'renew-lease', id }, call)).ttlSeconds,
    );
  }

  /** A lease and how much is left of it, as the leader knows; null if there is none. */
  async lifeOf(id: bigint, call: Call): Promise<LeaseLife | null> {
    const remainingMs = await this.askLeader(
      call,
      async (term) => this.remainingHere(id, term, call),
      async (leader) => (await this.host.callPeer(leader, { type: 'lease-remaining', id }, call)).remainingMs,
    );
    await this.host.linearize(call);
    const lease = this.host.store.lease(id);
    return remainingMs === null || lease === undefined ? null : { lease, remainingMs };
  }

  /** For a peer: as `renew`, if this member leads. Rejects with `not-leader` otherwise. */
  async renewForPeer(id: bigint, call: Call): Promise<number> {
    return this.asLeader(async (term) => this.renewHere(id, term, call));
  }

  /** For a peer: how much is left of a lease, null if there is none. Rejects with `not-leader`. */
  async remainingForPeer(id: bigint, call: Call): Promise<number | null> {
    return this.asLeader(async (term) => this.remainingHere(id, term, call));
  }

  /** The member has applied entries, the last one in `lastTerm`. `leads` is the term in which it leads, if it does. */
  applied(results: readonly ApplyResult[], lastTerm: Term, leads: Term | null): void {
    const nowMs = this.host.clock.monotonicMs();
    if (leads === lastTerm && this.timekeeper.term !== leads) {
      this.timekeeper.begin(leads, nowMs);
    } else if (this.timekeeper.term !== null) {
      for (const { outcome } of results) {
        if (!outcome.ok) continue;
        const { response } = outcome;
        if (response.$case === 'leaseGrant') this.timekeeper.granted(response.leaseGrant.ID, nowMs);
        if (response.$case === 'putWithTtl') this.timekeeper.granted(response.lease, nowMs);
      }
    }
  }

  /** The member does not lead any longer. */
  deposed(): void {
    this.timekeeper.end();
  }

  tick(): void {
    const { term } = this.timekeeper;
    if (term !== null) {
      this.expiry.tick(term);
    }
  }

  /** Calls under way are told that the member stops. */
  stop(): void {
    this.timekeeper.end();
    this.pauses.stop();
  }

  /** Resolves when nothing is under way. The host must have stopped. */
  async close(): Promise<void> {
    await this.expiry.close();
  }

  /**
   * Asks who leads, again and again until the deadline: nothing that is asked here does harm when it is done twice.
   */
  private async askLeader<Answer>(
    call: Call,
    here: (term: Term) => Promise<Answer>,
    there: (leader: MemberId) => Promise<Answer>,
  ): Promise<Answer> {
    for (;;) {
      const leader = this.host.leader();
      try {
        if (leader !== null && leader !== this.host.memberId) return await there(leader);
        return await this.asLeader(here);
      } catch (error) {
        const failure = failureOf(error);
        if (failure !== null) throw failure;
      }
      await this.pauses.pause(this.host.tickMs, call);
    }
  }

  private async asLeader<Answer>(ask: (term: Term) => Promise<Answer>): Promise<Answer> {
    const { term } = this.timekeeper;
    if (term === null) {
      throw notLeader();
    }
    return ask(term);
  }

  private async renewHere(id: bigint, term: Term, call: Call): Promise<number> {
    // Another member may lead by now and have ended the lease (dissertation, section 6.4).
    await this.host.linearize(call);
    while (this.timekeeper.term === term) {
      const lease = this.host.store.lease(id);
      if (lease === undefined) {
        return 0;
      }
      const nowMs = this.host.clock.monotonicMs();
      if (this.timekeeper.hasExpired(lease, nowMs)) {
        await this.pauses.pause(this.host.tickMs, call);
      } else if (this.timekeeper.isWhole(lease)) {
        this.timekeeper.renew(lease, nowMs);
        return lease.ttlSeconds;
      } else {
        await this.makeWhole(lease, term, call);
      }
    }
    throw notLeader();
  }

  private async makeWhole(lease: Lease, term: Term, call: Call): Promise<void> {
    const applied = this.timekeeper.makesWhole(lease);
    const leases = [{ id: lease.id, remainingMs: lease.ttlSeconds * 1000 }];
    await this.host.proposeOnce({ $case: 'leaseCheckpoint', leaseCheckpoint: { term, leases } }, call);
    applied();
  }

  private async remainingHere(id: bigint, term: Term, call: Call): Promise<number | null> {
    await this.host.linearize(call);
    if (this.timekeeper.term !== term) {
      throw notLeader();
    }
    const lease = this.host.store.lease(id);
    return lease === undefined
      ? null
      : Math.max(0, this.timekeeper.remainingMs(lease, this.host.clock.monotonicMs()));
  }

  private chosenId(id: bigint): bigint {
    const { random } = this.host;
    // Positive, as etcd's: clients print it and read it again.
    return id === 0n
      ? (BigInt(random.integer(2 ** 31)) << 32n) | BigInt(random.integer(2 ** 32 - 1) + 1)
      : id;
  }

  private allowedTtl(seconds: number): number {
    return Math.max(seconds, this.ttlMinSeconds);
  }

  private async execute<Case extends CommandBody['$case']>(
    body: CommandBody & { readonly $case: Case },
    call: Call,
  ): Promise<ResponseOf<Case>> {
    const answer = await this.host.propose(body, call);
    assert(answer.$case === body.$case, 'a command is answered in kind');
    return answer as ResponseOf<Case>;
  }
}

function notLeader(): ReplicaError {
  return new ReplicaError('not-leader', 'this member does not decide about leases');
}

/** What ends a question to the leader; null for what may be different when the question is asked again. */
function failureOf(error: unknown): Error | null {
  if (error instanceof PeerCallError) {
    if (error.code === 'timed-out') return new ReplicaError('timed-out', error.message);
    return error.code === 'cancelled' ? new ReplicaError('cancelled', error.message) : null;
  }
  const isPassing = error instanceof ReplicaError && error.code === 'not-leader';
  if (isPassing) return null;
  return error instanceof Error ? error : new Error('a question to the leader failed', { cause: error });
}
