import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * A vote overwritten with zeros. When a log is opened, its last batch is written once more, since it may be in
 * the page cache only. A read that went astray in between made the log write back what it had not checked.
 */
export const misdirectedRepair: Scenario = {
  name: 'misdirected-repair',
  plan: (seed) =>
    planWith(seed, { members: 3, workload: 'registers' }, {}, [
      ...repeat(8, 900, (atMs, round) => ({
        atMs,
        kind: 'crash' as const,
        target: round % 3,
        point: 'now' as const,
        downMs: 100,
      })),
      ...repeat(8, 900, (atMs, round) => ({
        atMs: atMs + 50,
        kind: 'misdirected-read' as const,
        target: round % 3,
      })),
    ]),
  signs: [/a read at \d+ returns what is at/],
};
