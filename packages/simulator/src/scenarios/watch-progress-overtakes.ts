import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Progress that overtakes events (etcd 15220): a client asks how far it has seen everything while its watcher is
 * behind, because it began in the past, or because it reads slowly. What it is told must be true at that point of
 * its stream.
 */
export const watchProgressOvertakes: Scenario = {
  name: 'watch-progress-overtakes',
  plan: (seed) => {
    const drawn = planWith(seed, { members: 3, workload: 'write-mostly' }, {}, []);
    return planWith(
      seed,
      { members: 3, workload: 'write-mostly' },
      {
        workload: { ...drawn.workload, keys: 4, thinkMeanMs: 5, deadlineMs: 1000 },
        watch: {
          clients: 6,
          slowChance: 0.7,
          wanderMeanMs: 300,
          progressMeanMs: 10,
          bufferMaxBytes: 1000,
          totalMaxBytes: 1_048_576,
          sliceMaxChanges: 1,
          compactMeanMs: null,
        },
      },
      repeat(3, 1000, (atMs) => ({ atMs, kind: 'crash', target: 'leader', point: 'now', downMs: 200 })),
    );
  },
  signs: [/w\d .*is told by n\d: progress/, /w\d .*watches at n\d from [1-9]/],
};
