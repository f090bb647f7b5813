import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Watchers that begin in the future (etcd 20221): they were told of events and progress before their start. A
 * client gets there by wandering to a member that is behind: it knows a revision that the member does not.
 */
export const watchFutureStart: Scenario = {
  name: 'watch-future-start',
  plan: (seed) => {
    const drawn = planWith(seed, { members: 3, workload: 'write-mostly', mode: 'vanilla' }, {}, []);
    return planWith(
      seed,
      { members: 3, workload: 'write-mostly', mode: 'vanilla' },
      {
        workload: { ...drawn.workload, keys: 4, thinkMeanMs: 5, deadlineMs: 1000 },
        watch: {
          clients: 6,
          slowChance: 0,
          wanderMeanMs: 100,
          progressMeanMs: 20,
          bufferMaxBytes: 1_048_576,
          totalMaxBytes: 1_048_576,
          sliceMaxChanges: 1024,
          compactMeanMs: null,
        },
      },
      repeat(4, 1000, (atMs, round) => ({ atMs, kind: 'partition', group: [round % 3], forMs: 700 })),
    );
  },
  signs: [/w\d .*is told by n\d: progress/, /w\d .*watches at n\d from [1-9]/, /cannot send to|lost to/],
};
