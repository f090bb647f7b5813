import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { buildProgram } from '../program.ts';
import { referencePage } from './reference-page.ts';

test('docs/cli.md is up to date: npm run generate --workspace=quorate', async () => {
  const stream = new PassThrough();
  const context = {
    stdin: stream,
    stdout: stream,
    stderr: stream,
    environment: {},
    directory: '.',
    entry: '',
  };
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/cli.md'), 'utf8');
  assert.equal(page, referencePage(await buildProgram([], context)));
});
