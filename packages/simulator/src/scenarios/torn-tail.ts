import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Lost writes after a torn tail. The power fails while the log is being written: the last write may be there in
 * part. What was acknowledged before it must survive, what is torn must not come back to life, and writing must
 * go on behind it.
 */
export const tornTail: Scenario = {
  name: 'torn-tail',
  plan: (seed) =>
    planWith(
      seed,
      { members: 3, workload: 'write-mostly' },
      { disk: { accessMeanUs: 150, syncMeanUs: 8000 }, segmentMaxBytes: 4096 },
      repeat(7, 1200, (atMs, round) => ({
        atMs,
        kind: 'power-loss',
        target: round % 3,
        point: round % 2 === 0 ? 'sync' : 'write',
        downMs: 100,
      })),
    ),
  signs: [/loses power: [1-9]\d* unsynced bytes/, /starts again/],
};
