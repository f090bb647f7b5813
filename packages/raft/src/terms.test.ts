import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { index, memberId, term } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('the term of a message (section 5.1)', () => {
  test('if newer, makes its receiver a follower in it, whatever it was', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.receive(2, {
      type: 'append-response',
      term: term(9),
      result: { kind: 'matched', matchIndex: index(1) },
    });
    assert.deepEqual([member.core.role, member.term, member.core.status().vote], ['follower', 9, null]);
  });

  test('if older, has the message turned away, and its sender told when it believes that it leads', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 5);
    member.forget();
    member.receiveAppend(3, { term: 4, after: [1, 1], entries: [4] });
    assert.equal(member.lastIndex, 1);
    assert.deepEqual(
      member.sent.map(({ type, to, term: ofTerm }) => [type, to, ofTerm]),
      [['heartbeat-response', memberId(3), 5]],
    );
    member.forget();
    member.requestVote(3, { term: 4 });
    assert.deepEqual(
      member.sentTo(3, 'vote-response').map((response) => [response.granted, response.term]),
      [[false, 5]],
    );
  });

  test('does not matter for a pre-vote: asking about a term is not entering it', () => {
    const member = SoloMember.inCluster(3);
    member.requestVote(2, { term: 50, preVote: true });
    assert.equal(member.term, 1);
    assert.equal(member.sentTo(2, 'pre-vote-response')[0]?.term, 50);
    member.requestVote(2, { term: 0, last: [100, 100], preVote: true });
    assert.deepEqual(
      member.sentTo(2, 'pre-vote-response').map(({ granted, term: ofTerm }) => [granted, ofTerm]),
      [
        [true, 50],
        [false, 1],
      ],
    );
  });

  test('does not matter when a pre-vote is refused from an older term: it is refused all the same', () => {
    const member = SoloMember.inCluster(3, [1, 3]);
    member.give({ type: 'campaign' });
    for (const from of [2, 3]) {
      member.receive(from, { type: 'pre-vote-response', term: term(2), granted: false });
    }
    assert.equal(member.core.role, 'follower');
  });
});

describe('a message that makes no sense', () => {
  test('because it is for someone else, or from this member itself, is ignored', () => {
    const member = SoloMember.inCluster(3);
    const request = {
      type: 'vote-request',
      term: term(7),
      lastIndex: index(9),
      lastTerm: term(6),
      leadershipTransfer: true,
    } as const;
    member.give({ type: 'message', message: { ...request, from: memberId(2), to: memberId(3) } });
    member.give({ type: 'message', message: { ...request, from: memberId(1), to: memberId(1) } });
    assert.equal(member.term, 1);
  });

  test('because a stranger answers what it was not asked, is ignored', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.receive(9, { type: 'heartbeat-response', term: term(99), round: 1 });
    assert.deepEqual([member.core.role, member.term], ['leader', 2]);
    member.receive(9, { type: 'forwarded-read', term: member.term, id: 1 });
    assert.deepEqual(member.sentTo(9, 'forwarded-read-refused'), []);
  });

  test("may still be a request: the sender's configuration can be newer than the receiver's (section 6)", () => {
    const member = SoloMember.inCluster(3);
    member.receiveAppend(9, { term: 2, after: [1, 1], entries: [2] });
    assert.deepEqual([member.core.leader, member.lastIndex], [memberId(9), 2]);
  });
});
