import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runPlan } from '../run/run-plan.ts';
import { SCENARIOS } from './scenarios.ts';

const SEEDS = [1, 2];

describe('situations in which a store has failed before', () => {
  for (const { name, plan, signs } of SCENARIOS) {
    test(name, async () => {
      const seen = new Set<RegExp>();
      for (const seed of SEEDS) {
        const { violation, trace } = await runPlan(plan(seed), 'detail');
        const replay = `npm run simulate -- --scenario ${name} --start ${seed} --seeds 1 --trace`;
        assert.equal(violation, null, `${violation?.property}: ${violation?.explanation}\n${replay}`);
        for (const sign of signs) {
          if (trace.some((line) => sign.test(line))) {
            seen.add(sign);
          }
        }
      }
      assert.deepEqual(
        signs.filter((sign) => !seen.has(sign)),
        [],
        'the situation did not arise',
      );
    });
  }
});
