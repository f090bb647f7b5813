import type { Entry, RaftCore } from '@quorate/raft';
import type { RecoveredLog } from '@quorate/storage';

/**
 * The terms of a member's log, by index: enough to tell any two logs apart that may be told apart. Entries that
 * the member's log has lost to a compaction stay in the mirror as long as the process lives.
 */
export class LogMirror {
  /** By index, from `start` on, which stands for "before the first entry". */
  private terms: number[] = [0];
  private start = 0;

  static of(recovered: RecoveredLog): LogMirror {
    const mirror = new LogMirror();
    mirror.reset(recovered.firstIndex - 1, recovered.previousTerm);
    for (const [position, run] of recovered.terms.entries()) {
      const next = recovered.terms[position + 1]?.firstIndex ?? recovered.lastIndex + 1;
      for (let index: number = run.firstIndex; index < next; index += 1) {
        mirror.terms[index] = run.term;
      }
    }
    return mirror;
  }

  /** The entry before the first that the mirror knows. */
  get startIndex(): number {
    return this.start;
  }

  get lastIndex(): number {
    return this.terms.length - 1;
  }

  /** The term of the entry at `index`, or of the one before the first; null if that is not known. */
  termAt(index: number): number | null {
    return this.terms[index] ?? null;
  }

  /** Entries replace what is at their place and behind it. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first !== undefined) {
      this.truncate(first.index);
      for (const entry of entries) {
        this.terms.push(entry.term);
      }
    }
  }

  /** Removes the entries from `index` on. */
  truncate(index: number): void {
    this.terms.length = Math.min(this.terms.length, index);
  }

  /** A snapshot has replaced the log: it is empty and goes on after `index`. */
  reset(index: number, term: number): void {
    this.terms = [];
    this.terms[index] = term;
    this.start = index;
  }

  /** What a start does to the log before there is a core: it founds it, or completes the installation of a snapshot. */
  restored(core: RaftCore): void {
    const { firstIndex, lastIndex, previousTerm, cache } = core.state.log;
    if (firstIndex - 1 > this.start && lastIndex === firstIndex - 1) {
      this.reset(lastIndex, previousTerm ?? 0);
    } else {
      this.append(cache.filter((entry) => entry.index > this.lastIndex));
    }
  }

  copy(): LogMirror {
    const mirror = new LogMirror();
    mirror.terms = this.terms.slice();
    mirror.start = this.start;
    return mirror;
  }

  /** Whether the logs are the same, as far as both are known. */
  equals(other: LogMirror): boolean {
    return this.firstDifference(other) === null;
  }

  /** The first index at which the logs differ, of those that both know; or null. */
  firstDifference(other: LogMirror): number | null {
    const length = Math.max(this.terms.length, other.terms.length);
    for (let index = Math.max(this.start, other.start); index < length; index += 1) {
      if (this.terms[index] !== other.terms[index]) {
        return index;
      }
    }
    return null;
  }
}
