import type { Input } from '@quorate/raft';

/** What became of logs and snapshots in a run, over all members. */
export type SnapshotFigures = {
  readonly compactions: number;
  readonly compactedEntries: number;
  readonly installs: number;
};

/** Counts what cores are told of snapshots. */
export class SnapshotCounts {
  private compactions = 0;
  private compactedEntries = 0;
  private installs = 0;
  /** Up to where each host's log is gone. */
  private readonly removedThrough = new Map<number, number>();

  /** The core of a host took a step with this input. */
  observe(host: number, input: Input): void {
    if (input.type === 'compact') {
      this.compactions += 1;
      this.compactedEntries += Math.max(0, input.through - (this.removedThrough.get(host) ?? 0));
      this.removedThrough.set(host, input.through);
    } else if (input.type === 'snapshot-installed') {
      this.installs += 1;
      this.removedThrough.set(host, input.snapshot.index);
    }
  }

  get figures(): SnapshotFigures {
    const { compactions, compactedEntries, installs } = this;
    return { compactions, compactedEntries, installs };
  }
}
