import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * A bit of a snapshot file flips on the disk of a member that needs the file to start. Consul and rqlite want such a
 * member wiped by hand. It must set the file aside, and get its state machine from another member.
 */
export const damagedSnapshot: Scenario = {
  name: 'damaged-snapshot',
  plan: (seed) =>
    planWith(
      seed,
      { members: 3, workload: 'write-mostly', engine: 'memory' },
      { compaction: { entries: 20, bytes: 100_000, tailEntries: 3, tailBytes: 10_000 } },
      [
        ...repeat(4, 2000, (atMs, round) => ({
          atMs,
          kind: 'bit-flip' as const,
          target: round % 3,
          inSnapshot: true as const,
        })),
        ...repeat(4, 2000, (atMs, round) => ({
          atMs: atMs + 1,
          kind: 'crash' as const,
          target: round % 3,
          point: 'now' as const,
          downMs: 100,
        })),
      ],
    ),
  signs: [/a bit flips in .*snapshot/, /The file is kept as/],
};
