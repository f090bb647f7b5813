import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RestoredState } from './restored-state.ts';
import { cloneState } from './state.ts';
import { configuration, foundingLog, index, restoredLog, term } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('a member that starts', () => {
  const sound = restoredLog(foundingLog(configuration({ voters: [1, 2, 3] }), [1, 2]));

  test('is a follower that knows no leader, and that everything in its log is durable', () => {
    const { role, leader, lastIndex, durableIndex, term: inTerm } = new SoloMember(sound).core.status();
    assert.deepEqual([role, leader, lastIndex, durableIndex, inTerm], ['follower', null, 3, 3, 2]);
  });

  test('knows that what is applied is committed', () => {
    const member = new SoloMember({ ...sound, applied: index(2) });
    assert.equal(member.core.commit, 2);
  });

  test('applies again what its state machine lost', () => {
    const hardState = { ...sound.hardState, commit: index(3) };
    const member = new SoloMember({ ...sound, hardState, applied: index(1) });
    member.give({ type: 'tick' });
    assert.deepEqual(
      member.applied.map((entry) => entry.index),
      [2, 3],
    );
  });

  test('may have nothing at all, and waits to be told who belongs to the cluster', () => {
    const member = new SoloMember(restoredLog([]));
    member.tick(50);
    assert.deepEqual([member.core.role, member.term], ['follower', 0]);
    member.receiveAppend(2, { term: 1, after: [0, 0], entries: [1] });
    assert.equal(member.lastIndex, 1);
  });

  test('does not start if what it finds does not fit together', () => {
    const broken: readonly (readonly [Partial<RestoredState>, RegExp])[] = [
      [{ hardState: { ...sound.hardState, commit: index(4) } }, /missing from the log/],
      [{ applied: index(4) }, /missing from the log|ahead of the log/],
      [{ firstIndex: index(2), applied: index(1) }, /snapshot covers/],
      [{ lastIndex: index(2) }, /cached entries end with the log/],
      [{ termRuns: [] }, /term runs cover/],
      [{ termRuns: [{ term: term(1), firstIndex: index(2) }] }, /term runs start/],
    ];
    for (const [difference, message] of broken) {
      assert.throws(() => new SoloMember({ ...sound, ...difference }), message);
    }
  });

  test('does not start with a state machine that is behind the start of the log', () => {
    const restored: RestoredState = {
      ...sound,
      snapshot: { index: index(2), term: term(1), configuration: configuration({ voters: [1] }) },
      firstIndex: index(3),
      termRuns: [{ term: term(2), firstIndex: index(3) }],
      entries: sound.entries.slice(2),
      applied: index(1),
    };
    assert.throws(() => new SoloMember(restored), /behind the start of the log/);
  });
});

test('a copy of a state shares nothing that changes with it', () => {
  const member = SoloMember.inCluster(3);
  member.leadUnopposed();
  const copy = cloneState(member.core.state);
  const description = JSON.stringify(plain(copy));
  assert.deepEqual(plain(copy), plain(member.core.state));
  member.propose('a', 'b');
  member.give({ type: 'read', id: 1 });
  member.give({ type: 'transfer-leadership', to: member.core.status().peers[0]?.id ?? member.id });
  member.persist();
  member.tick(3);
  assert.equal(JSON.stringify(plain(copy)), description);
  assert.notDeepEqual(plain(copy), plain(member.core.state));
});

/** Maps as lists and ids as text, so that two states can be compared as JSON. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_, item: unknown) =>
    item instanceof Map ? [...item] : typeof item === 'bigint' ? `n${item}` : item,
  );
  return JSON.parse(text) as unknown;
}
