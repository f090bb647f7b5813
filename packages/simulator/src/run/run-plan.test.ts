import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawPlan, type PlanChoices } from '../plan/draw-plan.ts';
import { runPlan } from './run-plan.ts';

/** Seeds that no other run of this package uses, so that each adds something. */
const FIRST_SEED = 1_000_000;

async function assertNoViolation(seed: number, choices: PlanChoices): Promise<number> {
  const { violation, figures } = await runPlan(drawPlan(seed, choices), 'off');
  const replay = `npm run simulate -- --start ${seed} --seeds 1`;
  assert.equal(violation, null, `seed ${seed}: ${violation?.property}: ${violation?.explanation}\n${replay}`);
  return figures.operations.answered;
}

describe('simulated clusters', () => {
  test('violate nothing under swarms of faults', async () => {
    let answered = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + 30; seed += 1) {
      answered += await assertNoViolation(seed, {});
    }
    assert(answered > 30 * 100, `only ${answered} operations were answered in 30 runs`);
  });

  test('answer every call when there are no faults', async () => {
    for (const mode of ['vanilla', 'pipelined'] as const) {
      const { violation, figures } = await runPlan(
        drawPlan(FIRST_SEED, { mode, members: 3, faults: [] }),
        'off',
      );
      assert.equal(violation, null);
      assert.equal(figures.operations.unknown, 0);
      assert(figures.operations.answered > 100);
      assert.equal(figures.deaths, 0);
    }
  });

  for (const engine of ['sqlite', 'lmdb'] as const) {
    test(`violate nothing on ${engine}`, async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + 3; seed += 1) {
        await assertNoViolation(seed, {
          engine,
          faults: ['crash', 'power-loss', 'crash-all', 'engine-failure'],
        });
      }
    });
  }
});

describe('a run depends on nothing but its plan', () => {
  for (const choices of [
    { members: 3, allFaults: true, engine: 'durable-memory' },
    { members: 5, allFaults: true, mode: 'vanilla', engine: 'memory' },
    { members: 3, faults: ['crash', 'partition', 'loss'], engine: 'sqlite' },
  ] as const satisfies readonly PlanChoices[]) {
    test(`the same trace twice, byte for byte: ${JSON.stringify(choices)}`, async () => {
      const plan = drawPlan(FIRST_SEED + 7, choices);
      const first = await runPlan(plan, 'detail');
      const second = await runPlan(drawPlan(FIRST_SEED + 7, choices), 'detail');
      assert(first.trace.length > 1000, `a trace of ${first.trace.length} lines shows little`);
      assert.equal(first.trace.join('\n'), second.trace.join('\n'));
      assert.deepEqual(first.figures, second.figures);
    });
  }

  test('another seed, another trace; a trace changes nothing', async () => {
    const [one, other, untraced] = [
      await runPlan(drawPlan(FIRST_SEED + 8, { members: 3 }), 'story'),
      await runPlan(drawPlan(FIRST_SEED + 9, { members: 3 }), 'story'),
      await runPlan(drawPlan(FIRST_SEED + 8, { members: 3 }), 'off'),
    ];
    assert.notEqual(one.trace.join('\n'), other.trace.join('\n'));
    assert.deepEqual(one.figures, untraced.figures);
    assert.deepEqual(untraced.trace, []);
  });
});

describe('clients of a lock', () => {
  test('stall beyond their leases, so that without tokens two of them would act', async () => {
    const sum = { turns: 0, accepted: 0, refused: 0, overtaken: 0, sightings: 0 };
    for (let seed = FIRST_SEED + 40; seed < FIRST_SEED + 60; seed += 1) {
      const plan = drawPlan(seed, {});
      if (plan.locks.clients === 0) continue;
      const { violation, figures } = await runPlan(plan, 'off');
      assert.equal(violation, null, `seed ${seed}: ${violation?.property}: ${violation?.explanation}`);
      sum.turns += figures.locks.turns;
      sum.accepted += figures.locks.accepted;
      sum.refused += figures.locks.refused;
      sum.overtaken += figures.locks.overtaken;
      sum.sightings += figures.locks.sightings;
    }
    assert(sum.turns > 20 && sum.accepted > 20, `too little goes on: ${JSON.stringify(sum)}`);
    assert(sum.refused > 0, 'the store refused nobody, as if nobody had stalled beyond its lease');
    assert(sum.overtaken > 0, 'nobody came late to the resource outside');
    assert(sum.sightings > 20, 'hardly anybody saw who leads');
  });
});
