import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Half a snapshot. Followers that were cut off die while they fetch and install a snapshot, at every kind of disk
 * operation there is, with and without power. The next start must find out how far they came.
 */
export const interruptedInstall: Scenario = {
  name: 'interrupted-install',
  plan: (seed) => {
    const choices = {
      members: 3,
      workload: 'write-mostly',
      engine: seed % 2 === 0 ? 'memory' : 'durable-memory',
    } as const;
    const drawn = planWith(seed, choices, {}, []);
    const points = ['write', 'sync', 'create', 'rename', 'sync-directory'] as const;
    return planWith(
      seed,
      choices,
      {
        disk: { accessMeanUs: 150, syncMeanUs: 8000 },
        compaction: { ...drawn.compaction, entries: 10, tailEntries: 0 },
        transfer: { ...drawn.transfer, patienceMs: 1000, offerMs: 300, leaseMs: 2000 },
      },
      [
        ...repeat(10, 1500, (atMs, round) => ({
          atMs,
          kind: 'partition' as const,
          group: [round % 3],
          forMs: 700,
        })),
        ...repeat(10, 1500, (atMs, round) => ({
          atMs: atMs + 705 + 20 * (seed % 5),
          kind: round % 4 < 2 ? ('power-loss' as const) : ('crash' as const),
          target: round % 3,
          point: points[round % points.length] ?? 'rename',
          downMs: 50,
        })),
      ],
    );
  },
  signs: [/fetches the snapshot of entry/, /loses power/, /loaded the snapshot of entry/],
};
