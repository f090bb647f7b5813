import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestErrors } from './request-errors.ts';
import { Histogram } from './histogram.ts';
import { parseBenchmarkOptions } from './options.ts';
import { formatJson, formatTables } from './report.ts';
import { type BenchmarkResult, summarize } from './result.ts';

function exampleResult(errors: RequestErrors = {}): BenchmarkResult {
  const puts = new Histogram();
  for (let us = 1; us <= 1000; us += 1) {
    puts.record(us * 10);
  }
  const outcome = { seconds: 2, gets: new Histogram(), puts, errors, busy: 0.5 };
  const mark = (cpuMs: number) => ({
    members: [
      { cpuMs, residentBytes: 100 * 2 ** 20 },
      { cpuMs: cpuMs / 2, residentBytes: 90 * 2 ** 20 },
      null,
    ],
    loadCpuMs: cpuMs,
  });
  return summarize('quorate pipelined', ['m1', 'm2', 'm3'], 'm1', outcome, mark(100), mark(200));
}

test('CPU time is divided by the operations of the measurement', () => {
  const { operations, operationsPerSecond, members, cpuUsPerOperation, loadCpuUsPerOperation } =
    exampleResult();
  assert.equal(operations, 1000);
  assert.equal(operationsPerSecond, 500);
  assert.deepEqual(
    members.map((member) => member.cpuUsPerOperation),
    [100, 50, null],
  );
  assert.equal(cpuUsPerOperation, null, 'a sum with an unknown part is unknown');
  assert.equal(loadCpuUsPerOperation, 100);
});

test('the tables show what was measured, and failed requests are not hidden', () => {
  const options = parseBenchmarkOptions([]);
  assert(options !== null);
  const text = formatTables(options, [
    exampleResult({ 'no-leader': { count: 3, example: 'there is no leader' } }),
  ]);
  assert.match(text, /quorate pipelined +puts +500 +5\.\d\d +9\.\d\d +\d+\.\d\d +10\.00 +3/);
  assert.match(text, /m1 \(leader\) +100 +100/);
  assert.match(text, /m3 +unknown +unknown/);
  assert.match(text, /3 requests failed with no-leader, such as: there is no leader/);
});

test('the JSON document can be read back', () => {
  const options = parseBenchmarkOptions(['--clients', '7']);
  assert(options !== null);
  const parsed: { options: { clients: number }; results: { system: string }[] } = JSON.parse(
    formatJson(options, [exampleResult()]),
  );
  assert.equal(parsed.options.clients, 7);
  assert.equal(parsed.results[0]?.system, 'quorate pipelined');
});
