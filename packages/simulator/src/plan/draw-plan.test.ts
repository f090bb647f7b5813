import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawPlan } from './draw-plan.ts';

test('where clocks drift, those of members that are added do so, too', () => {
  const { members, spares, clockRates } = drawPlan(1, {
    faults: ['membership', 'clock-drift'],
    allFaults: true,
  });
  assert(spares > 0);
  assert.equal(clockRates.length, members + spares);
  assert(clockRates.every((rate) => rate !== 1 && rate >= 0.92 && rate <= 1.08));
});
