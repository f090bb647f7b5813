import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Stage } from './testing/stage.ts';
import { retell } from './testing/story-file.ts';

/** `QUORATE_UPDATE_STORIES=1` writes what the stories tell now into their files: read the difference. */
const update = process.env['QUORATE_UPDATE_STORIES'] === '1';
const folder = join(import.meta.dirname, '..', 'testdata');

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
  test(`the story ${file} is still true`, () => {
    const path = join(folder, file);
    const story = readFileSync(path, 'utf8');
    const stage = new Stage();
    const told = retell(story, (command) => stage.perform(command));
    if (update) {
      writeFileSync(path, told);
    }
    assert.equal(told, update ? told : story);
  });
}
