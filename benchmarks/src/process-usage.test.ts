import assert from 'node:assert/strict';
import { platform } from 'node:os';
import { test } from 'node:test';
import { cpuMsOf, readProcessUsage, residentBytesOf } from './process-usage.ts';

test('a process name with spaces and parentheses does not shift the fields', () => {
  const stat = '77 (a) name (b)) S 1 77 77 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 11 0 100 1000 200';
  assert.equal(cpuMsOf(stat), 3000);
});

test('resident memory is in bytes', () => {
  assert.equal(residentBytesOf('Name:\tnode\nVmRSS:\t   2048 kB\nThreads:\t11\n'), 2048 * 1024);
});

test('this very process has used something', { skip: platform() === 'linux' ? false : 'needs /proc' }, () => {
  const usage = readProcessUsage(process.pid);
  assert(usage !== null && usage.cpuMs > 0 && usage.residentBytes > 1_000_000);
});

test('a process that does not exist has no usage', () => {
  assert.equal(readProcessUsage(2 ** 30), null);
});
