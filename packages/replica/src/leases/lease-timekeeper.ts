import type { Lease, Store } from '@quorate/kv';
import { assert, type MonotonicMs, type Term } from '@quorate/raft';
import { TimingWheel } from './timing-wheel.ts';

/** How exactly deadlines are met, in milliseconds: a lease is found expired no earlier, and this much later at most. */
const slotMs = 100;
/** How many leases are looked at in one step: what is left over waits for the next one. */
const stepMax = 10_000;
/** A lease that is not kept alive is checkpointed at least this often, in milliseconds. */
const checkpointMaxMs = 5 * 60 * 1000;

type TimedLease = {
  readonly id: bigint;
  deadlineMs: MonotonicMs;
  /** When what is left of it is to be logged. Keeping it alive puts it off. */
  checkpointMs: MonotonicMs;
  /** How many checkpoints this leader has proposed that leave it less than its TTL. The log has them in order. */
  lessProposed: number;
  /** How many of them stand before one in the log that is applied and gave it its whole TTL. */
  lessUndone: number;
  isExpired: boolean;
};

/** What a step has found. */
export type LeaseStep = {
  /** How much is left of leases that have not been kept alive for a while, in milliseconds. */
  readonly checkpoints: readonly { readonly id: bigint; readonly remainingMs: number }[];
};

/**
 * When leases end. Only the leader's matters, so it runs from when this member has applied an entry of its own term
 * until it leads no longer; nothing of it outlives that. By then everything is applied that earlier leaders have
 * promised, and a lease gets what is left of it by the last checkpoint: its whole TTL if there is none.
 *
 * It costs the same however many leases there are: each is looked at when it may have expired, and when half of its
 * TTL has passed without its being kept alive. Keeping one alive only sets its deadline.
 */
export class LeaseTimekeeper {
  private readonly store: Pick<Store, 'lease' | 'leases'>;
  private reign: { readonly term: Term; readonly sinceMs: MonotonicMs } | null = null;
  private timed = new Map<bigint, TimedLease>();
  private wheel = new TimingWheel<TimedLease>(slotMs, 0);
  /** Those that nobody has looked at since this member leads; null when it has looked at all. */
  private unseen: Iterator<Lease> | null = null;
  private expired = new Set<bigint>();

  constructor(store: Pick<Store, 'lease' | 'leases'>) {
    this.store = store;
  }

  /** The term in which this member decides about leases; null if it does not. */
  get term(): Term | null {
    return this.reign?.term ?? null;
  }

  /** From now on this member decides: it leads in `term`, and has applied an entry of it. */
  begin(term: Term, nowMs: MonotonicMs): void {
    this.end();
    this.reign = { term, sinceMs: nowMs };
    this.wheel = new TimingWheel(slotMs, nowMs);
    this.unseen = this.store.leases()[Symbol.iterator]();
  }

  end(): void {
    this.reign = null;
    this.timed = new Map();
    this.unseen = null;
    this.expired = new Set();
  }

  /** A lease was granted, by an entry that is applied now. */
  granted(id: bigint, nowMs: MonotonicMs): void {
    const lease = this.store.lease(id);
    if (this.reign !== null && lease !== undefined) {
      this.time(lease, nowMs);
    }
  }

  /** How much is left of a lease that exists, in milliseconds; 0 or less if it has expired. */
  remainingMs(lease: Lease, nowMs: MonotonicMs): number {
    return this.timedLease(lease).deadlineMs - nowMs;
  }

  /** Whether the lease must end, whoever asks to keep it alive. From then on it waits for its end. */
  hasExpired(lease: Lease, nowMs: MonotonicMs): boolean {
    const timed = this.timedLease(lease);
    if (timed.deadlineMs <= nowMs && !timed.isExpired) {
      timed.isExpired = true;
      this.expired.add(timed.id);
    }
    return timed.isExpired;
  }

  /**
   * Whether the next leader would give the lease its whole TTL, whatever is under way. Only then may it be kept
   * alive: a client that is promised a TTL must not lose it to a checkpoint that was made before.
   */
  isWhole(lease: Lease): boolean {
    const { lessProposed, lessUndone } = this.timedLease(lease);
    return lease.remainingMs === lease.ttlSeconds * 1000 && lessProposed === lessUndone;
  }

  /**
   * A checkpoint that gives the lease its whole TTL is being proposed now. Call what is returned when it is applied,
   * and not before: the log of the next leader may end in front of it.
   */
  makesWhole(lease: Lease): () => void {
    const timed = this.timedLease(lease);
    const { lessProposed } = timed;
    return () => {
      timed.lessUndone = Math.max(timed.lessUndone, lessProposed);
    };
  }

  /** The lease is kept alive: it has its whole TTL from now on. It must be whole, and not have expired. */
  renew(lease: Lease, nowMs: MonotonicMs): void {
    assert(!this.hasExpired(lease, nowMs) && this.isWhole(lease), 'a lease that is kept alive can be');
    const timed = this.timedLease(lease);
    timed.deadlineMs = nowMs + lease.ttlSeconds * 1000;
    timed.checkpointMs = nowMs + checkpointAfterMs(lease);
  }

  /** Goes on to `nowMs`, as far as one step may. */
  step(nowMs: MonotonicMs): LeaseStep {
    this.lookAtUnseen();
    const checkpoints: { id: bigint; remainingMs: number }[] = [];
    for (const timed of this.wheel.take(nowMs, stepMax)) {
      const lease = this.store.lease(timed.id);
      if (lease === undefined) {
        this.ended(timed.id);
        continue;
      }
      if (this.timed.get(timed.id) !== timed || this.hasExpired(lease, nowMs)) {
        continue;
      }
      if (timed.checkpointMs <= nowMs) {
        const remainingMs = Math.ceil(timed.deadlineMs - nowMs);
        checkpoints.push({ id: timed.id, remainingMs });
        timed.lessProposed += 1;
        timed.checkpointMs = nowMs + checkpointAfterMs(lease);
      }
      this.wheel.add(timed, Math.min(timed.deadlineMs, timed.checkpointMs));
    }
    return { checkpoints };
  }

  /** At most `max` leases that have expired and still exist, those first that were found first. */
  expiredLeases(max: number): readonly bigint[] {
    const found: bigint[] = [];
    for (const id of this.expired) {
      if (found.length >= max) break;
      if (this.store.lease(id) === undefined) this.ended(id);
      else found.push(id);
    }
    return found;
  }

  /** Whether this very lease must end: it has expired, and no other one was granted under its id since. */
  isExpired(id: bigint): boolean {
    return this.expired.has(id) && this.store.lease(id) !== undefined;
  }

  /** The end of an expired lease is in the log of this leader, or may be: it must not be proposed again. */
  endProposed(id: bigint): void {
    this.expired.delete(id);
  }

  private ended(id: bigint): void {
    this.expired.delete(id);
    this.timed.delete(id);
  }

  /** A lease may be asked for before its turn has come to be looked at. */
  private timedLease(lease: Lease): TimedLease {
    assert(this.reign !== null, 'only a leader knows when leases end');
    return this.timed.get(lease.id) ?? this.time(lease, this.reign.sinceMs);
  }

  private lookAtUnseen(): void {
    assert(this.reign !== null, 'only a leader looks at leases');
    for (let count = 0; count < stepMax && this.unseen !== null; count++) {
      const next = this.unseen.next();
      if (next.done === true) {
        this.unseen = null;
      } else if (!this.timed.has(next.value.id)) {
        this.time(next.value, this.reign.sinceMs);
      }
    }
  }

  private time(lease: Lease, sinceMs: MonotonicMs): TimedLease {
    const timed: TimedLease = {
      id: lease.id,
      deadlineMs: sinceMs + lease.remainingMs,
      checkpointMs: sinceMs + checkpointAfterMs(lease),
      lessProposed: 0,
      lessUndone: 0,
      isExpired: false,
    };
    this.expired.delete(lease.id); // Of an earlier lease with the same id.
    this.timed.set(lease.id, timed);
    this.wheel.add(timed, Math.min(timed.deadlineMs, timed.checkpointMs));
    return timed;
  }
}

/** Half the TTL: a client that keeps its lease alive does so more often, and costs no checkpoint. */
function checkpointAfterMs({ ttlSeconds }: Lease): number {
  return Math.min((ttlSeconds * 1000) / 2, checkpointMaxMs);
}
