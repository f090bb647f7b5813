/** One version of a key: what the index knows of it. `version` 0 marks a deletion (`createRevision` is 0 then). */
export type KeyVersion = {
  /** The revision that made this version. */
  readonly modRevision: number;
  /** The revision that brought the key into being. */
  readonly createRevision: number;
  /** Counts the changes since then, from 1. */
  readonly version: number;
  /** Where the engine keeps the record. */
  readonly position: number;
};

/** `unfinished`: the limit was reached, more may have to go. `gone`: no version is left. */
export type CompactionOutcome = 'kept' | 'gone' | 'unfinished';

/** How many numbers of `older` describe one version: the fields of KeyVersion, in their order. */
const width = 4;
/** Below this length `older` is copied for each new version instead of growing. */
const smallLength = 1 + 8 * width;

/**
 * All versions of one key that the store still knows.
 *
 * Most keys have one version only, so the newest one is kept in the object's own fields and costs no further
 * allocation. The object is a KeyVersion itself; it shows the newest version only until the next change.
 */
export class KeyHistory implements KeyVersion {
  modRevision: number;
  createRevision: number;
  version: number;
  position: number;
  /**
   * The versions before the newest, oldest first, `width` numbers each; null while there is none. The first
   * number says where the oldest version begins: what is before it is forgotten, and moved over only now and
   * then.
   */
  private older: number[] | null = null;

  constructor(modRevision: number, createRevision: number, version: number, position: number) {
    this.modRevision = modRevision;
    this.createRevision = createRevision;
    this.version = version;
    this.position = position;
  }

  get isDeleted(): boolean {
    return this.version === 0;
  }

  /** The newest version, detached from later changes. */
  newest(): KeyVersion {
    const { modRevision, createRevision, version, position } = this;
    return { modRevision, createRevision, version, position };
  }

  /** Makes this the newest version. `modRevision` must be greater than the last one's. */
  append(modRevision: number, createRevision: number, version: number, position: number): void {
    const { modRevision: mod, createRevision: created, version: count, position: at } = this;
    if (this.older === null) {
      this.older = [1, mod, created, count, at];
    } else if (this.older.length < smallLength) {
      // Arrays that grow reserve room for many numbers, which is too much for keys with a few versions.
      this.older = [...this.older, mod, created, count, at];
    } else {
      this.older.push(mod, created, count, at);
    }
    this.modRevision = modRevision;
    this.createRevision = createRevision;
    this.version = version;
    this.position = position;
  }

  /** The version that was current at `revision`; null if the key did not exist then. */
  at(revision: number): KeyVersion | null {
    if (this.modRevision <= revision) {
      return this.version === 0 ? null : this;
    }
    const start = this.lastNotAfter(revision);
    const older = this.older;
    if (older === null || start === null || older[start + 2] === 0) {
      return null;
    }
    return {
      modRevision: older[start] as number,
      createRevision: older[start + 1] as number,
      version: older[start + 2] as number,
      position: older[start + 3] as number,
    };
  }

  /**
   * Whether the version made at `modRevision` is needed by a store that is compacted at `compactedRevision`.
   * That is every version that is current at that revision or later; and among deletions only those that were
   * made at that revision or later, for the sake of watchers that begin there.
   */
  isNeeded(modRevision: number, compactedRevision: number): boolean {
    if (modRevision === this.modRevision) {
      return this.version !== 0 || modRevision >= compactedRevision;
    }
    const start = this.lastNotAfter(modRevision);
    return (
      start !== null && this.older?.[start] === modRevision && this.isOlderNeeded(start, compactedRevision)
    );
  }

  /**
   * Forgets versions that are not needed at `compactedRevision`, oldest first and at most `max`, and calls
   * `removed` with the position of each.
   *
   * The order matters: whoever reads the records that are left, at any moment, must never take an older version
   * for the newest.
   */
  compact(compactedRevision: number, max: number, removed: (position: number) => void): CompactionOutcome {
    let count = 0;
    const older = this.older;
    if (older !== null) {
      let start = older[0] as number;
      while (count < max && start < older.length && !this.isOlderNeeded(start, compactedRevision)) {
        removed(older[start + 3] as number);
        count += 1;
        start += width;
      }
      const isCut = start < older.length && !this.isOlderNeeded(start, compactedRevision);
      this.forgetBefore(older, start);
      if (isCut) {
        return 'unfinished';
      }
    }
    if (this.older !== null || this.isNeeded(this.modRevision, compactedRevision)) {
      return 'kept';
    }
    if (count === max) {
      return 'unfinished';
    }
    removed(this.position);
    return 'gone';
  }

  private isOlderNeeded(start: number, compactedRevision: number): boolean {
    const older = this.older ?? [];
    const modRevision = older[start] as number;
    const nextRevision = older[start + width] ?? this.modRevision;
    const isDeletion = older[start + 2] === 0;
    return modRevision >= compactedRevision || (nextRevision > compactedRevision && !isDeletion);
  }

  private forgetBefore(older: number[], start: number): void {
    if (start === older.length) {
      this.older = null;
    } else if (start > older.length / 2) {
      this.older = [1, ...older.slice(start)];
    } else {
      older[0] = start;
    }
  }

  /** Where in `older` the last version that was made at `revision` or before begins; null if there is none. */
  private lastNotAfter(revision: number): number | null {
    const older = this.older;
    if (older === null) {
      return null;
    }
    const first = older[0] as number;
    let low = 0;
    let high = (older.length - first) / width;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((older[first + middle * width] as number) <= revision) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low === 0 ? null : first + (low - 1) * width;
  }
}
