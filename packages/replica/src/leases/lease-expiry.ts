import { StoreError } from '@quorate/kv';
import type { MonotonicMs, Term } from '@quorate/raft';
import { ReplicaError } from '../replica-error.ts';
import type { LeaseHost } from './lease-host.ts';
import type { LeaseLimits } from './lease-limits.ts';
import type { LeaseTimekeeper } from './lease-timekeeper.ts';

/**
 * Ends leases that have expired, and logs how much is left of the others, while this member leads.
 *
 * Nothing here acts on a clock alone. Before leases are ended the member confirms that it still leads; and each
 * decision is an entry that counts in the leader's own term only, so that one that was made in good faith by a
 * leader who is deposed meanwhile has no effect.
 */
export class LeaseExpiry {
  private readonly host: LeaseHost;
  private readonly timekeeper: LeaseTimekeeper;
  private readonly limits: LeaseLimits;
  /** How many leases may be revoked now, and since when that is known. */
  private allowance = 0;
  private allowanceMs: MonotonicMs;
  private revoking: Promise<void> | null = null;
  private readonly checkpoints = new Set<Promise<void>>();

  constructor(host: LeaseHost, timekeeper: LeaseTimekeeper, limits: LeaseLimits) {
    this.host = host;
    this.timekeeper = timekeeper;
    this.limits = limits;
    this.allowanceMs = host.clock.monotonicMs();
  }

  /** Called with every tick while the member decides about leases. */
  tick(term: Term): void {
    const nowMs = this.host.clock.monotonicMs();
    const { revokesPerSecondMax, checkpointMaxLeases } = this.limits;
    const earned = ((nowMs - this.allowanceMs) / 1000) * revokesPerSecondMax;
    this.allowance = Math.min(this.allowance + earned, revokesPerSecondMax);
    this.allowanceMs = nowMs;
    const { checkpoints } = this.timekeeper.step(nowMs);
    for (let first = 0; first < checkpoints.length; first += checkpointMaxLeases) {
      this.checkpoint(term, checkpoints.slice(first, first + checkpointMaxLeases));
    }
    const expired = this.timekeeper.expiredLeases(Math.floor(this.allowance));
    if (expired.length > 0 && this.revoking === null) {
      this.allowance -= expired.length;
      this.revoking = this.revoke(term, expired).finally(() => {
        this.revoking = null;
      });
    }
  }

  /** Resolves when nothing that was begun is under way. The host must have stopped. */
  async close(): Promise<void> {
    await this.revoking;
    await Promise.all(this.checkpoints);
  }

  /** What fails is tried again with a later tick, by whoever leads then. */
  private async revoke(term: Term, ids: readonly bigint[]): Promise<void> {
    const call = this.call();
    try {
      await this.host.linearize(call);
    } catch (error) {
      this.tell(error, 'leadership could not be confirmed to end leases');
      return;
    }
    if (this.timekeeper.term === term) {
      // Meanwhile some may have ended otherwise, and others been granted under their ids.
      const expired = ids.filter((id) => this.timekeeper.isExpired(id));
      await Promise.all(expired.map(async (id) => this.revokeOne(term, id)));
    }
  }

  private async revokeOne(term: Term, id: bigint): Promise<void> {
    const leaseRevoke = { id, expiredInTerm: term };
    try {
      await this.host.proposeOnce({ $case: 'leaseRevoke', leaseRevoke }, this.call());
    } catch (error) {
      if (error instanceof ReplicaError && error.code === 'unknown-outcome') {
        if (this.timekeeper.term === term) this.timekeeper.endProposed(id);
      } else if (!(error instanceof StoreError && error.code === 'lease-not-found')) {
        this.tell(error, 'an expired lease could not be ended yet');
      }
    }
  }

  private checkpoint(term: Term, leases: { id: bigint; remainingMs: number }[]): void {
    const leaseCheckpoint = { term, leases };
    const done = this.host
      .proposeOnce({ $case: 'leaseCheckpoint', leaseCheckpoint }, this.call())
      .then(
        () => undefined,
        // The next one says more. A leader that takes over before gives these leases a longer life, no shorter one.
        (error: unknown) => this.tell(error, 'what is left of leases could not be logged'),
      )
      .finally(() => this.checkpoints.delete(done));
    this.checkpoints.add(done);
  }

  private call(): { readonly deadlineMs: MonotonicMs } {
    return { deadlineMs: this.host.clock.monotonicMs() + 2 * this.host.electionTimeoutMs };
  }

  private tell(error: unknown, message: string): void {
    this.host.logger.debug({ err: error }, message);
  }
}
