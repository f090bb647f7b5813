import assert from 'node:assert/strict';
import test from 'node:test';
import { boundsPresets, parseBounds } from './bounds.ts';
import { ClusterModel } from './cluster.ts';
import { explore, type ExploreReport } from './explore.ts';
import { Fingerprinter } from './fingerprint.ts';
import { formatTrail } from './trail.ts';

/** Enough to get through the first leaders of every start; `npm run model-check` goes further. */
const statesMax = 60_000;

function check(bounds: string, limit = statesMax, symmetric = true): ExploreReport {
  const report = explore({
    bounds: parseBounds(bounds),
    limits: { statesMax: limit, milliseconds: 60_000 },
    symmetric,
    now: () => performance.now(),
  });
  const { ending } = report;
  assert(
    ending.type !== 'violation',
    ending.type === 'violation' ? `${ending.reason}\n${formatTrail(ending.trail)}` : '',
  );
  return report;
}

test('one leader and one command: everything that can happen', () => {
  const report = check('quick', 1_000_000);
  assert.equal(report.ending.type, 'exhausted');
  assert.equal(report.completeDepth, report.depth);
  assert(report.states > 10_000, 'fewer states than a leader and a command must have');
});

for (const name of Object.keys(boundsPresets).filter((preset) => preset !== 'quick')) {
  test(`the first ${statesMax} states of "${name}" are safe`, () => {
    const report = check(name);
    assert.deepEqual(report.ending, { type: 'limit', limit: 'statesMax' });
    assert(report.depth > 3);
  });
}

test('one figure-2 leader at a time, and members that repeat nothing, within other bounds', () => {
  check('replication,replication=vanilla,duplicates=0', 20_000);
  check('elections,duplicates=1,preVote=false', 20_000);
  check('quick,members=1,crashes=2,slowDisk=true', 20_000);
  check('quick,members=5', 5_000);
});

test('members may be exchanged: one state stands for all that differ in names only', () => {
  const bounds = 'quick,commands=0';
  const symmetric = check(bounds, 1_000_000);
  const model = new ClusterModel(parseBounds(bounds), { symmetric: true });
  const fingerprinter = new Fingerprinter(model);
  // Here states are told apart by what they consist of, names included, without any hash.
  const seen = new Set<string>();
  const classes = new Set<string>();
  const waiting = [model.initial()];
  for (let cluster = waiting.pop(); cluster !== undefined; cluster = waiting.pop()) {
    const { members, history, used, network } = cluster;
    const key = [members.map((row) => row.number), history.number, used, network].join(';');
    if (seen.has(key)) continue;
    seen.add(key);
    fingerprinter.setBase(cluster);
    fingerprinter.compute(cluster);
    classes.add(`${fingerprinter.low} ${fingerprinter.high}`);
    for (const choice of model.choices(cluster)) {
      const outcome = model.take(cluster, choice);
      assert(outcome.type !== 'violation');
      if (outcome.type === 'next') waiting.push(outcome.cluster);
    }
  }
  assert.equal(symmetric.ending.type, 'exhausted');
  assert.equal(symmetric.states, classes.size);
  assert.equal(check(bounds, 10_000_000, false).states, seen.size);
  assert(seen.size > classes.size * 5, 'most states have six names');
});

test('a search that hits its limit says which', () => {
  const bounds = parseBounds('replication');
  const limits = { statesMax: 1_000_000, milliseconds: 5 };
  let now = 0;
  const report = explore({ bounds, limits, now: () => now++ });
  assert.deepEqual(report.ending, { type: 'limit', limit: 'milliseconds' });
  assert(report.completeDepth < report.depth);
});
