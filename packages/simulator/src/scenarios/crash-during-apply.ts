import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Inconsistency after a crash during apply. A commit of the engine fails while entries are being applied, or the
 * process dies right after; the applied index must never be stored without the data that belongs to it, or the
 * other way round, because the entries would then be skipped or applied twice.
 */
export const crashDuringApply: Scenario = {
  name: 'crash-during-apply',
  plan: (seed) =>
    planWith(seed, { members: 3, workload: 'transactions', engine: 'durable-memory' }, {}, [
      ...repeat(4, 1500, (atMs) => ({ atMs, kind: 'engine-failure' as const, target: 'leader' as const })),
      ...repeat(4, 1700, (atMs, round) => ({ atMs, kind: 'engine-failure' as const, target: round % 3 })),
      ...repeat(4, 1600, (atMs, round) => ({
        atMs,
        kind: 'crash' as const,
        target: round % 3,
        point: 'write' as const,
        downMs: 100,
      })),
    ]),
  signs: [/ends itself while running: .*failed under the engine/, /starts again/],
};
