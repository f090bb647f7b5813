import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Watching from a revision that is compacted and was a deletion (etcd 18089 and 19179: the tombstone was gone, and
 * watchers missed the deletion). Clients that watch lag, wander and resume while every second command deletes and
 * somebody compacts all the time, at the newest revision as often as not; members restart with what is left.
 */
export const watchedTombstone: Scenario = {
  name: 'watched-tombstone',
  plan: (seed) => {
    const drawn = planWith(seed, { members: 3, workload: 'compaction', engine: 'durable-memory' }, {}, []);
    const weights = { ...drawn.workload.weights, put: 6, delete: 6, compact: 4 };
    return planWith(
      seed,
      { members: 3, workload: 'compaction', engine: 'durable-memory' },
      {
        workload: { ...drawn.workload, keys: 3, thinkMeanMs: 10, deadlineMs: 1000, weights },
        watch: {
          clients: 6,
          slowChance: 0.5,
          wanderMeanMs: 200,
          progressMeanMs: 300,
          bufferMaxBytes: 1000,
          totalMaxBytes: 1_048_576,
          sliceMaxChanges: 4,
          compactMeanMs: 150,
        },
      },
      repeat(3, 1500, (atMs) => ({ atMs, kind: 'crash-all', power: false, downMs: 100 })),
    );
  },
  signs: [/w\d .*is told by n\d: .*delete/, /w\d .*compacted at/, /starts again/],
};
