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

/** How many numbers of `older` describe one version. */
const width = 4;

/**
 * All versions of one key that the store still knows, oldest first.
 *
 * Most keys have one version only, so the newest one is kept in the object's own fields and costs no further
 * allocation. The object is a KeyVersion itself; it shows the newest version only until the next change.
 */
export class KeyHistory implements KeyVersion {
  modRevision: number;
  createRevision: number;
  version: number;
  position: number;
  /** The versions before the newest, four numbers each; null while there is none. */
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
    return {
      modRevision: this.modRevision,
      createRevision: this.createRevision,
      version: this.version,
      position: this.position,
    };
  }

  /** Makes this the newest version. `modRevision` must be greater than the last one's. */
  append(modRevision: number, createRevision: number, version: number, position: number): void {
    if (this.older === null) {
      this.older = [this.modRevision, this.createRevision, this.version, this.position];
    } else {
      this.older.push(this.modRevision, this.createRevision, this.version, this.position);
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
    const older = this.older;
    if (older === null) {
      return null;
    }
    let start = older.length - width;
    while (start >= 0 && (older[start] as number) > revision) {
      start -= width;
    }
    if (start < 0 || older[start + 2] === 0) {
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
   * Whether the version at `modRevision` is needed when the store is compacted at `compactedRevision`: it is
   * the current one at that revision or was made later. Deletions made before that revision are not needed.
   */
  isNeeded(modRevision: number, compactedRevision: number): boolean {
    if (modRevision >= compactedRevision) {
      return true;
    }
    if (modRevision === this.modRevision) {
      return this.version !== 0;
    }
    const older = this.older ?? [];
    for (let start = 0; start < older.length; start += width) {
      if (older[start] === modRevision) {
        const next = start + width < older.length ? (older[start + width] as number) : this.modRevision;
        return next > compactedRevision && older[start + 2] !== 0;
      }
    }
    return false;
  }

  /**
   * Forgets versions that are not needed at `compactedRevision`, oldest first and at most `max`, and calls
   * `removed` with the position of each. Returns whether the key has a version left.
   *
   * The order matters: whoever reads the records that remain at any moment must never take an older version
   * for the newest.
   */
  compact(compactedRevision: number, max: number, removed: (position: number) => void): CompactionOutcome {
    const older = this.older;
    let count = 0;
    let start = 0;
    if (older !== null) {
      while (start < older.length) {
        const next = start + width < older.length ? (older[start + width] as number) : this.modRevision;
        const isTombstone = older[start + 2] === 0;
        const needed =
          next > compactedRevision && !(isTombstone && (older[start] as number) < compactedRevision);
        if (needed) break;
        if (count === max) break;
        removed(older[start + 3] as number);
        count += 1;
        start += width;
      }
      this.older = start === older.length ? null : start === 0 ? older : older.slice(start);
    }
    if (this.older !== null) {
      return count === max ? 'unfinished' : 'kept';
    }
    if (this.version !== 0 || this.modRevision >= compactedRevision) {
      return 'kept';
    }
    if (count === max) {
      return 'unfinished';
    }
    removed(this.position);
    return 'gone';
  }
}

/** `unfinished`: the limit was reached, more may have to go. `gone`: no version is left. */
export type CompactionOutcome = 'kept' | 'gone' | 'unfinished';
