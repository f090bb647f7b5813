import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { detect } from './detect.ts';
import { applyEdits } from './edits.ts';
import { modelCheck, type Mutation, simulate } from './mutation.ts';
import { mutations } from './mutations.ts';

const root = path.join(import.meta.dirname, '../..');

function named(name: string): Mutation {
  const mutation = mutations.find((candidate) => candidate.name === name);
  assert(mutation !== undefined, `there is a mutation called ${name}`);
  return mutation;
}

test('every mutation can still be put in', () => {
  for (const { name, edits } of mutations) {
    for (const [file, ofFile] of Map.groupBy(edits, (edit) => edit.file)) {
      const source = readFileSync(path.join(root, file), 'utf8');
      assert.notEqual(applyEdits(source, ofFile), source, `${name} changes ${file}`);
    }
  }
});

test('the mutations are many, and each has a name of its own', () => {
  assert(mutations.length >= 30);
  assert.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length);
});

test('a text that is gone, or that is there twice, is not passed over', () => {
  const edit = { file: 'a.ts', find: 'let', replace: 'const' };
  assert.throws(() => applyEdits('const a = 1;', [edit]), /a\.ts has this text 0 times instead of once/);
  assert.throws(() => applyEdits('let a; let b;', [edit]), /a\.ts has this text 2 times instead of once/);
  assert.equal(applyEdits('let a;', [edit]), 'const a;');
});

/** One of each package; `npm run mutations` tries all. */
const handful = [
  'vote-not-persisted',
  'old-term-committed-by-counting',
  'read-without-round',
  'vote-not-restored',
  'revision-not-restored',
  'sequence-starts-over',
];

for (const name of handful) {
  test(`caught: ${name}`, async () => {
    const mutation = named(name);
    const detection = await detect(mutation, mutation.detectors[0]);
    assert.equal(detection.type, 'caught', JSON.stringify(detection));
  });
}

test('what nobody looks for is reported as missed, and what is not loaded as broken', async () => {
  const mutation = named('vote-not-restored');
  assert.equal((await detect(mutation, simulate(1, '--faults', 'none'))).type, 'missed');
  const detection = await detect(mutation, modelCheck('quick', 10));
  assert(detection.type === 'broken');
  assert.match(detection.reason, /log-image\.ts was not loaded/);
});
