import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawPlan, type PlanChoices } from '../plan/draw-plan.ts';
import { replayCommand } from '../command/replay-command.ts';
import type { RunPlan } from '../plan/plan.ts';
import type { RunResult } from '../run/run-plan.ts';
import { shrink } from './shrink.ts';

const SEED = 11;
const everything: PlanChoices = { members: 3, allFaults: true, durationMs: 15_000 };

/** The outcome of a run in which `breaks` says whether the plan leads to a violation, at the end. */
function outcome(plan: RunPlan, breaks: (plan: RunPlan) => boolean): RunResult {
  return {
    plan,
    violation: breaks(plan) ? { property: 'durability', explanation: 'made up' } : null,
    trace: [],
    figures: {
      events: 0,
      simulatedMs: plan.durationMs + 1000,
      operations: { answered: plan.workload.operationsMax, unknown: 0, failed: 0 },
      messages: { sent: 0, delivered: 0, lost: 0, duplicated: 0 },
      deaths: 0,
      recoveryMs: 0,
      undecided: false,
      snapshots: { compactions: 0, compactedEntries: 0, installs: 0 },
      locks: { turns: 0, accepted: 0, refused: 0, overtaken: 0, sightings: 0 },
    },
  };
}

describe('shrinking', () => {
  test('finds the faults, the calls and the time that matter, and leaves out all others', async () => {
    const { faults } = drawPlan(SEED, everything);
    const needed = [faults[3], faults[10]];
    const breaks = (plan: RunPlan): boolean =>
      needed.every((fault) =>
        plan.faults.some(({ kind, atMs }) => kind === fault?.kind && atMs === fault.atMs),
      ) &&
      plan.workload.operationsMax >= 50 &&
      plan.network.lossChance > 0;
    const run = async (choices: PlanChoices): Promise<RunResult> => outcome(drawPlan(SEED, choices), breaks);
    const found = { choices: everything, result: await run(everything) };
    assert.notEqual(found.result.violation, null);

    const { choices, result, attempts } = await shrink(found, run, () => true);
    const { plan } = result;
    assert.deepEqual(plan, drawPlan(SEED, choices), 'the choices are all that is needed to repeat the run');
    assert.deepEqual(plan.faults, needed);
    assert.equal(plan.workload.clients, 1);
    assert(plan.workload.operationsMax < 100);
    assert(
      plan.network.lossChance > 0 && plan.network.duplicateChance === 0 && plan.network.reorderChance === 0,
    );
    assert(plan.durationMs - (needed[1]?.atMs ?? 0) <= 200, `still ${plan.durationMs} ms`);
    assert(attempts < 500);
  });

  test('goes no further than it may', async () => {
    const run = async (choices: PlanChoices): Promise<RunResult> =>
      outcome(drawPlan(SEED, choices), () => true);
    const found = { choices: everything, result: await run(everything) };
    const { attempts } = await shrink(found, run, () => false);
    assert.equal(attempts, 0);
  });
});

describe('the command that replays a run', () => {
  test('names everything that was chosen', () => {
    assert.equal(replayCommand(5, {}), 'npm run simulate -- --start 5 --seeds 1 --trace');
    assert.equal(
      replayCommand(5, {
        members: 3,
        faults: [],
        drop: [4, 2],
        calm: ['loss'],
        clientsMax: 1,
        durationMs: 900,
      }),
      'npm run simulate -- --start 5 --seeds 1 --members 3 --faults none --duration 900 --drop 2,4 --calm loss --clients 1 --trace',
    );
    assert.match(replayCommand(5, { faults: ['crash', 'loss'] }), /--faults crash,loss/);
    assert.match(replayCommand(5, { allFaults: true, operationsMax: 7 }), /--faults all --operations 7/);
  });
});
