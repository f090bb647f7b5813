import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { errorCodes, QuorateError, type QuorateErrorCode } from './quorate-error.ts';

test('the README lists every code with its meaning', () => {
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
  const [, table = ''] = /<!-- errors:.*-->\n([^]*?)\n<!-- \/errors -->/.exec(readme) ?? [];
  const printed = table
    .trim()
    .split('\n')
    .map((row) => row.replaceAll(/ {2,}/g, ' '));
  const rows = Object.entries(errorCodes).map(([code, { meaning }]) => `| \`${code}\` | ${meaning} |`);
  assert.deepEqual(printed.slice(2), rows, `the rows should be:\n${rows.join('\n')}`);
});

test('meanings and hints are sentences', () => {
  for (const [code, description] of Object.entries(errorCodes)) {
    assert.match(description.meaning, /^[A-Z].*[^.]\.$/, code);
    if ('hint' in description) assert.match(description.hint, /^[A-Z].*\.$/, code);
  }
});

test('an error of unknown outcome says so by itself, and hints come from the register', () => {
  const of = (code: QuorateErrorCode): QuorateError => new QuorateError(code, 'message');
  assert.equal(of('unknown-outcome').outcome, 'unknown');
  assert.equal(of('no-leader').outcome, 'none');
  assert.equal(of('no-leader').hint, errorCodes['no-leader'].hint);
  assert.equal(of('server-error').hint, null);
  assert.equal(new QuorateError('no-leader', 'message', { hint: 'Wait.' }).hint, 'Wait.');
  assert.ok(of('server-error') instanceof Error);
});
