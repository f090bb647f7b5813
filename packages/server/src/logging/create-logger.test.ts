import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicaError } from '@quorate/replica';
import { createLogger } from './create-logger.ts';

function loggerInto(lines: string[], settings: { logFormat: 'auto' | 'pretty' | 'json'; isTTY?: boolean }) {
  const stream = { write: (line: string) => lines.push(line), isTTY: settings.isTTY };
  return createLogger({ name: 'n1', logLevel: 'info', logFormat: settings.logFormat }, stream);
}

test('programs get one JSON object a line, with the member and the fields', () => {
  const lines: string[] = [];
  loggerInto(lines, { logFormat: 'auto' }).child({ component: 'raft' }).info({ term: 3 }, 'now leader');
  assert.equal(lines.length, 1);
  const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(rest, { level: 'info', member: 'n1', component: 'raft', term: 3, msg: 'now leader' });
});

test('people get one short line', () => {
  const lines: string[] = [];
  loggerInto(lines, { logFormat: 'pretty' }).child({ component: 'raft' }).info({ term: 3 }, 'now leader');
  assert.match(lines[0] ?? '', /^\d\d:\d\d:\d\d\.\d{3} info {2}n1 raft: now leader\n$/);
});

test('a terminal gets lines for people', () => {
  const lines: string[] = [];
  loggerInto(lines, { logFormat: 'auto', isTTY: true }).warn({}, 'careful');
  assert.ok(lines[0]?.includes('n1: careful'));
});

test('what is less important than the level is left out', () => {
  const lines: string[] = [];
  loggerInto(lines, { logFormat: 'pretty' }).debug({}, 'detail');
  assert.deepEqual(lines, []);
});

test('an operating error is told by its message, a fault with its stack', () => {
  const lines: string[] = [];
  const logger = loggerInto(lines, { logFormat: 'pretty' });
  logger.error({ err: new ReplicaError('no-leader', 'nobody leads') }, 'it failed');
  logger.error({ err: new TypeError('x is not a function') }, 'it failed');
  logger.error({ err: new ReplicaError('no-leader', 'nobody leads') }, 'it failed: nobody leads');
  assert.match(lines[0] ?? '', /it failed \(nobody leads\)\n$/);
  assert.match(lines[1] ?? '', /it failed \(x is not a function\)\nTypeError: x is not a function\n {4}at /);
  assert.match(lines[2] ?? '', /it failed: nobody leads\n$/);
});
