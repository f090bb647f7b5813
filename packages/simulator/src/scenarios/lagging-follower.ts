import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * A leader that stops because a follower lags. The entries that the follower lacks have left the leader's memory
 * and are read from its log, while newer ones are still on their way there: asking for those as well made the
 * leader stop itself.
 */
export const laggingFollower: Scenario = {
  name: 'lagging-follower',
  plan: (seed) =>
    planWith(
      seed,
      { members: 3, workload: 'write-mostly', mode: 'pipelined' },
      { logCacheMaxBytes: 1024, disk: { accessMeanUs: 30, syncMeanUs: 2000 } },
      repeat(4, 2000, (atMs, round) => ({ atMs, kind: 'partition', group: [round % 3], forMs: 1200 })),
    ),
  signs: [/cannot send to|lost to/, /entries \d+@\d+\.\.\d+@\d+/],
};
