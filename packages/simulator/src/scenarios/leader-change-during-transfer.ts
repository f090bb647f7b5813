import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * A leader that dies with a snapshot half sent. The follower must neither wait for it for ever nor mix what came
 * from it with what comes from the next one.
 */
export const leaderChangeDuringTransfer: Scenario = {
  name: 'leader-change-during-transfer',
  plan: (seed) => {
    const choices = { members: 3, workload: 'write-mostly' };
    const drawn = planWith(seed, choices, {}, []);
    return planWith(
      seed,
      choices,
      {
        network: { ...drawn.network, delayMeanUs: 5000 },
        workload: { ...drawn.workload, thinkMeanMs: 60, deadlineMs: 1000, valueBytes: 500 },
        compaction: { ...drawn.compaction, entries: 10, tailEntries: 0 },
        transfer: { ...drawn.transfer, chunkMaxBytes: 1000, windowChunks: 1, patienceMs: 2000, offerMs: 500 },
      },
      [
        ...repeat(5, 3000, (atMs, round) => ({
          atMs,
          kind: 'partition' as const,
          group: [round % 3],
          forMs: 1000,
        })),
        ...repeat(5, 3000, (atMs) => ({
          atMs: atMs + 1700,
          kind: 'crash' as const,
          target: 'leader' as const,
          point: 'now' as const,
          downMs: 400,
        })),
      ],
    );
  },
  signs: [
    /fetches the snapshot of entry/,
    /a call for a snapshot failed|got no snapshot/,
    /installed the snapshot of entry/,
    /leads in term [4-9]/,
  ],
};
