import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * A snapshot whose name is lost. The power fails right after a snapshot got its name, before that is durable, and
 * takes the newest commits of the state machine with it. What the log has lost must be in a snapshot all the same.
 */
export const powerLossAfterRename: Scenario = {
  name: 'power-loss-after-rename',
  plan: (seed) => {
    const choices = {
      members: 3,
      workload: 'write-mostly',
      engine: seed % 2 === 0 ? 'memory' : 'durable-memory',
    } as const;
    const drawn = planWith(seed, choices, {}, []);
    return planWith(
      seed,
      choices,
      {
        disk: { accessMeanUs: 150, syncMeanUs: 8000 },
        compaction: { ...drawn.compaction, entries: 5, tailEntries: 0 },
      },
      repeat(8, 1200, (atMs, round) => ({
        atMs,
        kind: 'power-loss',
        target: round % 3,
        point: round % 2 === 0 ? 'sync-directory' : 'rename',
        downMs: 300,
      })),
    );
  },
  signs: [/loses power/, /the log lost its entries/],
};
