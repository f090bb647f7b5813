import type { MemberId, MonotonicMs } from '@quorate/raft';

/**
 * The snapshots that a leader has offered and whose fate it does not know. Every offer ends: the follower
 * answers that it has what it needs, or it asks for nothing any more until its time is over.
 */
export class SnapshotOffers {
  private readonly offerMs: number;
  private readonly ends = new Map<MemberId, MonotonicMs>();

  constructor(offerMs: number) {
    this.offerMs = offerMs;
  }

  /** A snapshot was offered to this peer. */
  offered(peer: MemberId, nowMs: MonotonicMs): void {
    this.ends.set(peer, nowMs + this.offerMs);
  }

  /** The peer is fetching what it was offered. */
  heard(peer: MemberId, nowMs: MonotonicMs): void {
    if (this.ends.has(peer)) {
      this.ends.set(peer, nowMs + this.offerMs);
    }
  }

  /** The peer says that it has installed a snapshot. Returns whether it had been offered one. */
  answered(peer: MemberId): boolean {
    return this.ends.delete(peer);
  }

  /** Those that have not been heard of for too long. They are forgotten. */
  expire(nowMs: MonotonicMs): readonly MemberId[] {
    const expired = [...this.ends].filter(([, endMs]) => endMs <= nowMs).map(([peer]) => peer);
    for (const peer of expired) {
      this.ends.delete(peer);
    }
    return expired;
  }
}
