import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Endless snapshots. A follower that was cut off comes back when the log that it needs is gone. It must be brought up
 * by a snapshot, and the log must go on after it; stores that trimmed their logs too eagerly sent one snapshot after
 * the other (etcd, Consul).
 */
export const followerAfterCompaction: Scenario = {
  name: 'follower-after-compaction',
  plan: (seed) => {
    const drawn = planWith(seed, { members: 3, workload: 'write-mostly' }, {}, []);
    return planWith(
      seed,
      { members: 3, workload: 'write-mostly' },
      { compaction: { ...drawn.compaction, entries: 10, tailEntries: 3 } },
      repeat(4, 2000, (atMs, round) => ({ atMs, kind: 'partition', group: [round % 3], forMs: 1200 })),
    );
  },
  signs: [/the log lost its entries/, /fetches the snapshot of entry/, /installed the snapshot of entry/],
};
