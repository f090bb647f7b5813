import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Output } from './output.ts';
import { command, index } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('entries for the state machine', () => {
  test('are committed and durable here', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.acknowledge(2, 3);
    const committed = member.acknowledge(3, 3);
    assert.equal(member.core.commit, 3);
    assert.deepEqual(indexes(committed), []);
    assert.deepEqual(indexes(member.persist()), [3]);
  });

  test('come in bounded batches, and no more than the bound is out at a time', () => {
    const member = SoloMember.inCluster(1, [1, 1, 1, 1], { applyMaxEntries: 2 });
    member.give({ type: 'campaign' });
    member.persist();
    assert.deepEqual(indexes(member.persist()), [1, 2]);
    assert.deepEqual(indexes(member.give({ type: 'tick' })), []);
    assert.deepEqual(
      indexes(member.give({ type: 'applied', index: index(1) })),
      [],
      'half a batch frees nothing',
    );
    assert.deepEqual(indexes(member.give({ type: 'applied', index: index(2) })), [3, 4]);
    assert.deepEqual(indexes(member.give({ type: 'applied', index: index(4) })), [5, 6]);
  });

  test('are bounded in bytes as well', () => {
    const member = SoloMember.inCluster(1, [1, 1, 1], { applyMaxBytes: 70 });
    member.give({ type: 'campaign' });
    member.persist();
    assert.deepEqual(indexes(member.persist()), [1, 2]);
  });

  test('are read from storage when they have left memory', () => {
    const member = SoloMember.inCluster(1, [1, 1], { logCacheMaxBytes: 0, applyMaxEntries: 2 });
    member.give({ type: 'campaign' });
    member.persist();
    member.persist();
    const { logReads } = member.give({ type: 'applied', index: index(2) });
    assert.deepEqual(
      logReads.map(({ purpose, first, last }) => ({ purpose, first, last })),
      [{ purpose: { kind: 'apply' }, first: 3, last: 4 }],
    );
    assert.deepEqual(member.give({ type: 'tick' }).logReads, [], 'one read at a time');
    const [read] = logReads;
    assert(read !== undefined);
    assert.deepEqual(indexes(member.give({ type: 'log-read', read, entries: [command(3, 1)] })), [3]);
  });

  test('must be what the log holds', () => {
    const member = SoloMember.inCluster(1, [1, 1], { logCacheMaxBytes: 0, applyMaxEntries: 2 });
    member.give({ type: 'campaign' });
    member.persist();
    member.persist();
    const [read] = member.give({ type: 'applied', index: index(2) }).logReads;
    assert(read !== undefined);
    const wrong = { type: 'log-read', read, entries: [command(3, 9)] } as const;
    assert.throws(() => member.give(wrong), /what the log holds/);
  });

  test('cannot be applied before they are handed out', () => {
    const member = SoloMember.inCluster(3, [1]);
    assert.throws(() => member.give({ type: 'applied', index: index(2) }), /handed out/);
  });
});

function indexes(output: Output): number[] {
  return output.entriesToApply.map((entry) => entry.index);
}
