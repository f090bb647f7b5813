import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf, memberId, term } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('proposals', () => {
  test('of one input become entries of one write and one append', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    const output = member.propose('a', 'b', 'c');
    assert.deepEqual(
      output.persist?.entries.map((entry) => entry.index),
      [3, 4, 5],
    );
    assert.equal(member.sentTo(2, 'append-request').length, 1);
  });

  test('are refused where no leader is known', () => {
    const member = SoloMember.inCluster(3);
    assert.deepEqual(member.propose('a', 'b').proposalsRefused, [
      { id: 0, reason: 'no-leader' },
      { id: 1, reason: 'no-leader' },
    ]);
  });

  test('are passed on by a follower, in one message', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    const { messages } = member.propose('a', 'b');
    assert.equal(messages.length, 1);
    assert.deepEqual(messages[0], {
      type: 'forwarded-proposals',
      from: memberId(1),
      to: memberId(2),
      term: 2,
      proposals: [
        { id: 0, data: bytesOf('a') },
        { id: 1, data: bytesOf('b') },
      ],
    });
  });

  test('of a follower are taken by the leader of the term in which they were forwarded, and by no other', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    const proposals = [{ id: 5, data: bytesOf('a') }];
    member.receive(2, { type: 'forwarded-proposals', term: member.term, proposals });
    assert.equal(member.lastIndex, 3);
    member.forget();
    member.receive(2, { type: 'forwarded-proposals', term: term(1), proposals });
    assert.equal(member.lastIndex, 3);
    assert.deepEqual(
      member.sentTo(2, 'proposals-refused').map((refused) => [refused.term, refused.ids, refused.reason]),
      [[1, [5], 'not-leader']],
    );
  });

  test('that reach a member which does not lead are refused, and not passed on again', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.forget();
    member.receive(3, {
      type: 'forwarded-proposals',
      term: member.term,
      proposals: [{ id: 5, data: bytesOf('a') }],
    });
    assert.deepEqual(member.sent, [
      {
        type: 'proposals-refused',
        from: memberId(1),
        to: memberId(3),
        term: 2,
        ids: [5],
        reason: 'not-leader',
      },
    ]);
  });

  test('that the leader refused are refused to the client', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    const refused = {
      type: 'proposals-refused',
      term: member.term,
      ids: [7, 8],
      reason: 'transferring',
    } as const;
    assert.deepEqual(member.receive(2, refused).proposalsRefused, [
      { id: 7, reason: 'transferring' },
      { id: 8, reason: 'transferring' },
    ]);
  });
});

test('a refusal of an earlier term says nothing about a later attempt', () => {
  const member = SoloMember.inCluster(3);
  member.follow(2, 2);
  const late = { type: 'proposals-refused', term: term(1), ids: [7], reason: 'not-leader' } as const;
  assert.deepEqual(member.receive(2, late).proposalsRefused, []);
});

describe('the limit of uncommitted bytes', () => {
  test('refuses what exceeds it and all that follows, and is freed by commits', () => {
    const member = SoloMember.inCluster(3, [], { uncommittedMaxBytes: 10 });
    member.leadUnopposed();
    assert.deepEqual(member.propose('12345', '12345', '1', '').proposalsRefused, [
      { id: 2, reason: 'uncommitted-limit' },
      { id: 3, reason: 'uncommitted-limit' },
    ]);
    member.persist();
    member.acknowledge(2, 3);
    assert.deepEqual(member.propose('12345').proposalsRefused, []);
    assert.equal(member.propose('1').proposalsRefused.length, 1);
  });

  test('lets a single larger command pass when nothing is uncommitted', () => {
    const member = SoloMember.inCluster(3, [], { uncommittedMaxBytes: 10 });
    member.leadUnopposed();
    assert.deepEqual(member.propose('x'.repeat(50)).proposalsRefused, []);
    assert.equal(member.propose('1').proposalsRefused.length, 1);
  });

  test("counts what has committed on others but is not on the leader's own disk", () => {
    const member = SoloMember.inCluster(3, [], { uncommittedMaxBytes: 10 });
    member.leadUnopposed();
    member.propose('1234567890');
    member.acknowledge(2, 3);
    member.acknowledge(3, 3);
    assert.equal(member.core.commit, 3);
    assert.deepEqual(member.propose('1').proposalsRefused, [{ id: 0, reason: 'uncommitted-limit' }]);
    member.persist();
    assert.deepEqual(member.propose('1').proposalsRefused, []);
  });

  test('counts what the leader inherits', () => {
    const member = SoloMember.inCluster(3, [1, 1, 1], { uncommittedMaxBytes: 10 });
    member.lead();
    assert.deepEqual(member.propose('12').proposalsRefused, [{ id: 0, reason: 'uncommitted-limit' }]);
  });
});
