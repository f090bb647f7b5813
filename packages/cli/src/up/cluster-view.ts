import type { MemberReport } from './supervision.ts';

export type LeaderView = { readonly leader: string | null; readonly term: number };

/**
 * What the members say about their leader, put together: the newest term counts. Tells only what changed.
 */
export class ClusterView {
  readonly #views = new Map<string, LeaderView>();
  /** Members that ended, with the newest term that was known then: their leadership ended with them. */
  readonly #ended = new Map<string, number>();
  #told: LeaderView = { leader: null, term: 0 };

  /** Takes a member's word. Returns the leader to tell people about, `none` if it is lost, or null for no news. */
  heard(member: string, report: Extract<MemberReport, { kind: 'leader' }>): LeaderView | 'none' | null {
    this.#views.set(member, { leader: report.leader, term: report.term });
    return this.#news();
  }

  /** A member is gone, and with it its word. Returns as `heard`. */
  lost(member: string): LeaderView | 'none' | null {
    this.#views.delete(member);
    this.#ended.set(member, Math.max(0, ...[...this.#views.values()].map(({ term }) => term)));
    return this.#news();
  }

  #news(): LeaderView | 'none' | null {
    const newest = [...this.#views.values()]
      .filter((view) => this.#isLeading(view))
      .reduce<LeaderView | null>((best, view) => (view.term > (best?.term ?? 0) ? view : best), null);
    const before = this.#told;
    if (newest === null) {
      // Before the first election there is nothing to be lost.
      if (before.leader === null) return null;
      this.#told = { leader: null, term: before.term };
      return 'none';
    }
    const isOld = newest.term < before.term;
    if (isOld || (newest.leader === before.leader && newest.term === before.term)) return null;
    this.#told = newest;
    return newest;
  }

  #isLeading({ leader, term }: LeaderView): boolean {
    if (leader === null) return false;
    const endedIn = this.#ended.get(leader);
    return endedIn === undefined || term > endedIn;
  }
}
