import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AppendResponse } from './message.ts';
import type { Output } from './output.ts';
import { configuration, index, memberId, term } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('a follower that is sent entries', () => {
  test('appends what is new and answers when it is durable', () => {
    const member = SoloMember.inCluster(3, [1, 1]);
    const output = member.receiveAppend(2, { term: 2, after: [3, 1], entries: [2, 2] });
    assert.deepEqual(
      output.persist?.entries.map((entry) => entry.index),
      [4, 5],
    );
    assert.deepEqual(output.messages, []);
    assert.deepEqual(answer(output), { kind: 'matched', matchIndex: 5 });
  });

  test('keeps what it has when the same entries come again, or fewer of them', () => {
    const member = SoloMember.inCluster(3);
    member.receiveAppend(2, { term: 2, after: [1, 1], entries: [2, 2, 2] });
    const output = member.receiveAppend(2, { term: 2, after: [1, 1], entries: [2] });
    assert.deepEqual(answer(output), { kind: 'matched', matchIndex: 2 });
    assert.equal(output.persist, null);
    assert.equal(member.lastIndex, 4);
  });

  test('removes what conflicts and everything after it', () => {
    const member = SoloMember.inCluster(3, [1, 1, 1]);
    const output = member.receiveAppend(2, { term: 2, after: [1, 1], entries: [1, 2] });
    assert.deepEqual(
      output.persist?.entries.map((entry) => [entry.index, entry.term]),
      [[3, 2]],
    );
    assert.equal(member.lastIndex, 3);
    assert.deepEqual(
      output.events.find((event) => event.type === 'suffix-overwritten'),
      {
        type: 'suffix-overwritten',
        from: 3,
        through: 4,
      },
    );
  });

  test('commits what the leader has committed, but only as far as the two logs are known to agree', () => {
    const member = SoloMember.inCluster(3, [1, 1, 1]);
    member.receiveAppend(2, { term: 2, after: [2, 1], commit: 4 });
    assert.equal(member.core.commit, 2);
    member.receiveAppend(2, { term: 2, after: [2, 1], entries: [1], commit: 9 });
    assert.equal(member.core.commit, 3);
  });

  test('answers a late append below its commit index with that', () => {
    const member = SoloMember.inCluster(3, [1, 1, 1]);
    member.receiveAppend(2, { term: 2, after: [4, 1], commit: 4 });
    const output = member.receiveAppend(2, { term: 2, after: [1, 1], entries: [1] });
    assert.deepEqual(answer(output), { kind: 'matched', matchIndex: 4 });
  });

  test('takes what reaches over its commit index, although it starts below', () => {
    const member = SoloMember.inCluster(3, [1, 1, 1]);
    member.receiveAppend(2, { term: 2, after: [4, 1], commit: 4 });
    const output = member.receiveAppend(2, { term: 2, after: [1, 1], entries: [1, 1, 1, 2] });
    assert.deepEqual(answer(output), { kind: 'matched', matchIndex: 5 });
    assert.equal(member.lastIndex, 5);
  });

  test('dies rather than remove what is committed (section 5.4.3)', () => {
    const member = SoloMember.inCluster(3, [1, 1, 1]);
    member.receiveAppend(2, { term: 2, after: [4, 1], commit: 4 });
    const conflicting = { term: 2, after: [2, 1], entries: [2, 2, 2] } as const;
    assert.throws(() => member.receiveAppend(2, conflicting), /committed entries are never truncated/);
  });

  test('dies rather than follow two leaders in one term (section 5.2)', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    assert.throws(() => member.receiveAppend(3, { term: 2, after: [1, 1] }), /at most one leader/);
  });

  test('goes back to the configuration before, when the one in force is removed (section 6)', () => {
    const member = SoloMember.inCluster(3);
    const larger = configuration({ voters: [1, 2, 3, 4] });
    member.receive(2, {
      type: 'append-request',
      term: term(2),
      previousIndex: index(1),
      previousTerm: term(1),
      entries: [{ kind: 'configuration', term: term(2), index: index(2), configuration: larger }],
      commit: index(1),
    });
    assert.deepEqual(member.core.status().configuration, larger);
    member.receiveAppend(3, { term: 3, after: [1, 1], entries: [3] });
    assert.deepEqual(member.core.status().configuration, configuration({ voters: [1, 2, 3] }));
  });
});

describe('the hint of a rejection (end of section 5.3)', () => {
  test('is the last entry, if the log is too short', () => {
    const member = SoloMember.inCluster(3, [1, 1]);
    const output = member.receiveAppend(2, { term: 2, after: [9, 1], entries: [1] });
    assert.deepEqual(answer(output), { kind: 'rejected', previousIndex: 9, hintIndex: 3, hintTerm: 1 });
  });

  test("skips the follower's entries of later terms than the one asked for", () => {
    const member = SoloMember.inCluster(3, [1, 4, 4, 4]);
    const output = member.receiveAppend(2, { term: 5, after: [5, 3], entries: [5] });
    assert.deepEqual(answer(output), { kind: 'rejected', previousIndex: 5, hintIndex: 2, hintTerm: 1 });
  });

  test('also waits for the disk: it tells the term', () => {
    const member = SoloMember.inCluster(3);
    const output = member.receiveAppend(2, { term: 8, after: [9, 8] });
    assert.deepEqual(output.messages, []);
    assert.equal(output.messagesAfterPersist[0]?.to, memberId(2));
    assert.equal(output.persist?.hardState?.term, 8);
  });
});

function answer(output: Output): AppendResponse['result'] | undefined {
  const message = output.messagesAfterPersist.find(({ type }) => type === 'append-response');
  return message?.type === 'append-response' ? message.result : undefined;
}
