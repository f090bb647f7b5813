import type { MemberId, MonotonicMs } from '@quorate/raft';

/** When each peer was last heard from. */
export class PeerActivity {
  private readonly heardMs = new Map<MemberId, MonotonicMs>();

  heard(id: MemberId, nowMs: MonotonicMs): void {
    this.heardMs.set(id, nowMs);
  }

  isActive(id: MemberId, sinceMs: MonotonicMs): boolean {
    return (this.heardMs.get(id) ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  /** Forgets everyone else. */
  keep(ids: ReadonlySet<MemberId>): void {
    for (const id of this.heardMs.keys()) {
      if (!ids.has(id)) {
        this.heardMs.delete(id);
      }
    }
  }
}
