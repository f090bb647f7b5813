import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { options } from './options.ts';
import { flagOf } from './option.ts';
import { configurationHelp, referencePage } from './reference-page.ts';

test('docs/configuration.md is what the declarations make of it', () => {
  const path = new URL('../../../../docs/configuration.md', import.meta.url);
  assert.equal(
    readFileSync(path, 'utf8'),
    referencePage(),
    'regenerate it with: npm run generate --workspace=@quorate/server',
  );
});

test('the help names every option and keeps to its width', () => {
  const help = configurationHelp(80);
  for (const option of Object.values(options)) assert.ok(help.includes(`  ${flagOf(option)} `), option.name);
  for (const line of help.split('\n')) assert.ok(line.length <= 90, line);
});
