import type { Entry, RaftCore } from '@quorate/raft';
import type { RecoveredLog } from '@quorate/storage';

/** The terms of a member's log, by index: enough to tell any two logs apart that may be told apart. */
export class LogMirror {
  /** `terms[0]` stands for "before the first entry". */
  private terms: number[] = [0];

  static of(recovered: RecoveredLog): LogMirror {
    const mirror = new LogMirror();
    mirror.terms = termsOf(recovered);
    return mirror;
  }

  get lastIndex(): number {
    return this.terms.length - 1;
  }

  /** The term of the entry at `index`, or null if there is none. */
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

  /** A founding member writes its first entry itself, while it restores the core. */
  addFounding(core: RaftCore): void {
    this.append(core.state.log.cache.filter((entry) => entry.index > this.lastIndex));
  }

  copy(): LogMirror {
    const mirror = new LogMirror();
    mirror.terms = [...this.terms];
    return mirror;
  }

  equals(other: LogMirror): boolean {
    return (
      this.terms.length === other.terms.length &&
      this.terms.every((term, index) => term === other.terms[index])
    );
  }

  /** The first index at which the logs differ, or null. */
  firstDifference(other: LogMirror): number | null {
    const length = Math.max(this.terms.length, other.terms.length);
    for (let index = 1; index < length; index += 1) {
      if (this.terms[index] !== other.terms[index]) {
        return index;
      }
    }
    return null;
  }
}

function termsOf(recovered: RecoveredLog): number[] {
  const terms = [0];
  for (const [position, run] of recovered.terms.entries()) {
    const next = recovered.terms[position + 1]?.firstIndex ?? recovered.lastIndex + 1;
    for (let index: number = run.firstIndex; index < next; index += 1) {
      terms[index] = run.term;
    }
  }
  return terms;
}
