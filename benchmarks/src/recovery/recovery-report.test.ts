import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../options.ts';
import { parseRecoveryOptions } from './recovery-options.ts';
import { formatRecovery, formatRecoveryJson } from './recovery-report.ts';
import { compareSystems, type PutFigures, type RecoveryResult } from './recovery-result.ts';

function puts(p99Us: number): PutFigures {
  return { count: 100, p50Us: p99Us / 2, p99Us, maxUs: p99Us * 2, errors: {} };
}

/** A system that takes `factor` times as long as one that takes a second for everything. */
function exampleResult(system: string, factor: number): RecoveryResult {
  return {
    system,
    keys: 1000,
    fillSeconds: factor,
    puts: {
      alone: puts(10_000 * factor),
      snapshot: puts(15_000 * factor),
      compaction: puts(40_000 * factor),
    },
    snapshotSeconds: factor,
    snapshotBytes: 3 * 2 ** 20,
    compactionSeconds: factor,
    serveAfterKill: { seconds: factor, cpuSeconds: factor / 4 },
    serveAfterStop: { seconds: factor, cpuSeconds: null },
    catchUp: { seconds: factor, cpuSeconds: factor / 2 },
  };
}

function find(results: readonly RecoveryResult[], what: string, unit: string) {
  const found = compareSystems(results).find((each) => each.what === what && each.unit === unit);
  assert(found !== undefined, `${what} in ${unit} is missing`);
  return found;
}

test('a ratio is the first system over the last', () => {
  const both = [exampleResult('quorate', 3), exampleResult('etcd', 2)];
  const { figures, ratio } = find(both, 'empty member catches up', 's');
  assert.deepEqual(figures, [3, 2]);
  assert.equal(ratio, 1.5);
  assert.deepEqual(find(both, 'serves after a kill', 's of CPU').figures, [0.75, 0.5]);
  assert.equal(find(both, 'filling', 'keys/s').ratio, 1000 / 3 / (1000 / 2));
});

test('latencies are milliseconds, and those during other work are compared with those alone', () => {
  const one = [exampleResult('quorate', 1)];
  assert.deepEqual(find(one, 'put p50 alone', 'ms').figures, [5]);
  assert.deepEqual(find(one, 'put p99 during snapshots', 'ms').figures, [15]);
  assert.deepEqual(find(one, 'put max during compaction', 'ms').figures, [80]);
  assert.deepEqual(find(one, 'p99 during snapshots', 'x alone').figures, [1.5]);
  assert.deepEqual(find(one, 'p99 during compaction', 'x alone').figures, [4]);
});

test('without something to compare with there is no ratio', () => {
  assert.equal(find([exampleResult('quorate', 1)], 'serves after a kill', 's').ratio, null);
  const instant = [exampleResult('quorate', 1), exampleResult('etcd', 0)];
  assert.equal(find(instant, 'serves after a kill', 's').ratio, null);
  assert.equal(find(instant, 'serves after a stop', 's of CPU').ratio, null);
});

test('the table says what failed, what is missing and how busy the machine was', () => {
  const options = parseRecoveryOptions([]);
  assert(options !== null);
  const errors = { 'no-leader': { count: 3, example: 'there is no leader' } };
  const result = exampleResult('quorate', 1.25);
  const text = formatRecovery(
    options,
    [4, 2, 1],
    [{ ...result, puts: { ...result.puts, compaction: { ...puts(1), errors } } }],
  );
  assert.match(text, /serves after a stop +s +1\.25$/m);
  assert.match(text, /serves after a stop +s of CPU +unknown$/m);
  assert.match(text, /a snapshot is +MiB +3$/m);
  assert.match(text, /load averages before: 4\.0, 2\.0, 1\.0/);
  assert.match(text, /quorate: 3 puts during compaction failed with no-leader, such as: there is no leader/);
  assert.match(text, /there is no etcd on the PATH/);
});

test('the JSON document can be read back', () => {
  const options = parseRecoveryOptions(['--keys', '7']);
  assert(options !== null);
  const text = formatRecoveryJson(options, [0, 0, 0], [exampleResult('quorate', 1)]);
  const parsed: { options: { keys: number }; comparison: { what: string }[] } = JSON.parse(text);
  assert.equal(parsed.options.keys, 7);
  assert.equal(parsed.comparison[0]?.what, 'serves after a kill');
});

test('mistakes at the command line are named', () => {
  for (const args of [
    ['--keys', '0'],
    ['--rate', 'quick'],
    ['--engine', 'tape'],
    ['--snapshots', '3'],
  ]) {
    assert.throws(
      () => parseRecoveryOptions(args),
      (error) => error instanceof UsageError && error.message.includes(args[0] ?? ''),
    );
  }
  assert.equal(parseRecoveryOptions(['--help']), null);
});
