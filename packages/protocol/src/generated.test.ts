import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { generate, generatedDirectory } from '../generate.ts';

test('generating the codecs anew changes nothing', () => {
  const generated = generate();
  const committed = readdirSync(generatedDirectory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort();
  assert.deepEqual(committed, [...generated.keys()]);
  for (const [file, text] of generated) {
    assert.equal(readFileSync(path.join(generatedDirectory, file), 'utf8'), text, file);
  }
});
