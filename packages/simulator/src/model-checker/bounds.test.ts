import assert from 'node:assert/strict';
import test from 'node:test';
import { boundsPresets, formatBounds, parseBounds } from './bounds.ts';

test('bounds are a preset, changes, or both', () => {
  assert.deepEqual(parseBounds('elections'), boundsPresets.elections);
  assert.deepEqual(parseBounds('elections,crashes=2,duplicates=3,replication=vanilla,preVote=false'), {
    ...boundsPresets.elections,
    crashes: 2,
    duplicates: 3,
    replication: 'vanilla',
    preVote: false,
  });
  assert.deepEqual(parseBounds('termMax=3'), { ...boundsPresets.quick, termMax: 3 });
});

test('what is printed can be read again', () => {
  for (const bounds of Object.values(boundsPresets))
    assert.deepEqual(parseBounds(formatBounds(bounds)), bounds);
});

const refused: readonly [string, RegExp][] = [
  ['fast', /no bounds are called "fast": there are quick, /],
  ['speed=1', /there is no bound "speed": there are start, members, /],
  ['crashes=many', /crashes is a number from 0 to 99, not "many"/],
  ['crashes=8', /crashes is at most 7/],
  ['members=0', /members is at least 1/],
  ['termMax=1', /termMax is at least 2/],
  ['duplicates=8', /duplicates is at most 7, or unlimited/],
  ['preVote=maybe', /preVote is true or false, not "maybe"/],
  ['replication=fast', /replication is vanilla or pipelined, not "fast"/],
  ['start=late', /a search starts founded, elected, contested, not "late"/],
  ['contested,members=5', /contested is for three members/],
  ['contested,termMax=3', /contested needs a termMax of 4/],
  ['time=2', /leases need checkQuorum/],
  ['lease,time=1', /elected needs a time of 2/],
  ['contested,time=2,checkQuorum=true', /contested knows no time/],
];

for (const [text, reason] of refused) {
  test(`"${text}" is refused`, () => {
    assert.throws(() => parseBounds(text), reason);
  });
}
