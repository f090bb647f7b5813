import { planWith, repeat, type Scenario } from './scenario.ts';

/**
 * Stale reads on a paused leader. A leader that stood still (SIGSTOP, a garbage collection, a suspended virtual
 * machine) while another one was elected must not answer reads from what it knew before. Stores that checked
 * their leadership only when they were scheduled did.
 */
export const pausedLeader: Scenario = {
  name: 'paused-leader',
  plan: (seed) =>
    planWith(
      seed,
      { members: 3, workload: 'read-mostly', reads: seed % 2 === 0 ? 'lease' : 'read-index' },
      { tickMs: 50 },
      repeat(4, 3500, (atMs) => ({ atMs, kind: 'pause', target: 'leader', forMs: 2500 })),
    ),
  signs: [/is paused/, /goes on/, /leads in term [4-9]/],
};
