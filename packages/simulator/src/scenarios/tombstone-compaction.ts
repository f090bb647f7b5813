import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Compaction with tombstones at the boundary. A key that was deleted exactly at the compacted revision, or just
 * before, must be gone for reads of that revision and later ones, on every member, also after a restart that
 * rebuilds the index from what compaction has left.
 */
export const tombstoneCompaction: Scenario = {
  name: 'tombstone-compaction',
  plan: (seed) => {
    const drawn = planWith(seed, { members: 3, workload: 'compaction', engine: 'durable-memory' }, {}, []);
    const weights = { ...drawn.workload.weights, delete: 6, compact: 6, range: 6 };
    return planWith(
      seed,
      { members: 3, workload: 'compaction', engine: 'durable-memory' },
      { workload: { ...drawn.workload, keys: 3, thinkMeanMs: 20, deadlineMs: 1000, weights } },
      repeat(4, 1500, (atMs, round) => ({ atMs, kind: 'crash-all', power: round % 2 === 1, downMs: 100 })),
    );
  },
  signs: [/is told compacted/, /[1-9]\d* deleted/, /starts again/],
};
