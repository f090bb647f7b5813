import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Revisions going back after a crash. The engine loses its latest commits when the power fails; the member must
 * execute exactly the entries that are missing once more, and come to the same revisions, instead of giving them
 * to other writes.
 */
export const revisionAfterPowerLoss: Scenario = {
  name: 'revision-after-power-loss',
  plan: (seed) =>
    planWith(
      seed,
      { members: seed % 2 === 0 ? 1 : 3, workload: 'write-mostly', engine: 'durable-memory' },
      {},
      repeat(6, 1200, (atMs, round) =>
        round % 3 === 2
          ? { atMs, kind: 'crash-all', power: true, downMs: 50 }
          : { atMs, kind: 'power-loss', target: 'leader', point: 'now', downMs: 200 },
      ),
    ),
  signs: [/loses power: .* [1-9]\d* engine commits are gone/],
};
