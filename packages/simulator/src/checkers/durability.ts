import type { Report } from '../cluster/run-observer.ts';

/** An acknowledged put: nobody else ever writes the same value. */
type Acknowledged = { readonly key: string; readonly value: string; readonly revision: number };

/** What the store of a member answers to a read of one key at one revision; null if there is no such key then. */
export type ReadAt = (
  key: string,
  revision: number,
) => { readonly value: string; readonly modRevision: number } | null;

/**
 * No acknowledged write is lost: at the end of a run, every member that still has its disk holds every
 * acknowledged put under the revision that its client was told, unless a compaction removed that revision.
 */
export class Durability {
  private readonly report: Report;
  private readonly puts: Acknowledged[] = [];

  constructor(report: Report) {
    this.report = report;
  }

  get acknowledgedCount(): number {
    return this.puts.length;
  }

  acknowledged(key: string, value: string, revision: number): void {
    this.puts.push({ key, value, revision });
  }

  finish(who: string, compactedRevision: number, readAt: ReadAt): void {
    for (const { key, value, revision } of this.puts) {
      if (revision < compactedRevision) {
        continue;
      }
      const found = readAt(key, revision);
      if (found === null || found.value !== value || found.modRevision !== revision) {
        const what = found === null ? 'nothing' : `${found.value} of revision ${found.modRevision}`;
        this.report({
          property: 'durability',
          explanation: `${who} has ${what} under ${key} at revision ${revision}, where the put of ${value} was acknowledged`,
        });
        return;
      }
    }
  }
}
