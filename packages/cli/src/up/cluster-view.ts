import type { MemberReport } from './supervision.ts';

export type LeaderView = { readonly leader: string | null; readonly term: number };

/**
 * What the members say about their leader, put together: whom the newest term names. Tells only what changed.
 */
export class ClusterView {
  readonly #views = new Map<string, LeaderView>();
  #told: LeaderView = { leader: null, term: 0 };
  #toldNoLeader = false;

  /** Takes a member's word; returns the leader to tell people about, `none` if there is none any more, or null. */
  heard(member: string, report: Extract<MemberReport, { kind: 'leader' }>): LeaderView | 'none' | null {
    this.#views.set(member, { leader: report.leader, term: report.term });
    return this.#news();
  }

  /** A member is gone, and with it its view. */
  lost(member: string): LeaderView | 'none' | null {
    this.#views.delete(member);
    return this.#news();
  }

  #news(): LeaderView | 'none' | null {
    const views = [...this.#views.values()].filter(
      (view) => view.leader !== null && this.#views.has(view.leader),
    );
    const newest = views.reduce<LeaderView | null>(
      (best, view) => (view.term > (best?.term ?? 0) ? view : best),
      null,
    );
    if (newest === null) {
      // Before the first election there is nothing that was lost.
      if (this.#toldNoLeader || this.#told.leader === null) return null;
      this.#toldNoLeader = true;
      return 'none';
    }
    if (!this.#toldNoLeader && (newest.term < this.#told.term || isSame(newest, this.#told))) return null;
    this.#toldNoLeader = false;
    this.#told = newest;
    return newest;
  }
}

function isSame(left: LeaderView, right: LeaderView): boolean {
  return left.leader === right.leader && left.term === right.term;
}
