import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isElectable } from './election.ts';
import { configuration, foundingLog, index, memberId, restoredLog, term } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('a campaign', () => {
  test("starts when the election timeout has passed without a leader's word", () => {
    const member = SoloMember.inCluster(3, [], { random: () => 3 });
    member.tick(12);
    assert.equal(member.core.role, 'follower');
    member.tick();
    assert.equal(member.core.role, 'pre-candidate');
  });

  test('asks voters only, and asks learners nothing', () => {
    const group = configuration({ voters: [1, 2, 3], learners: [4] });
    const member = new SoloMember(restoredLog(foundingLog(group)));
    member.give({ type: 'campaign' });
    assert.deepEqual(
      member.sent.map((message) => [message.type, message.to]),
      [
        ['pre-vote-request', memberId(2)],
        ['pre-vote-request', memberId(3)],
      ],
    );
  });

  test('is not for learners', () => {
    const group = configuration({ voters: [2, 3], learners: [1] });
    const member = new SoloMember(restoredLog(foundingLog(group)));
    member.give({ type: 'campaign' });
    member.tick(30);
    assert.equal(member.core.role, 'follower');
  });

  test('is for a voter that is being removed, until the removal is committed (dissertation, section 4.2.2)', () => {
    const joint = configuration({ voters: [2, 3], outgoing: [1] });
    const without = configuration({ voters: [2, 3] });
    const member = new SoloMember(
      restoredLog([
        ...foundingLog(joint),
        { kind: 'configuration', term: term(1), index: index(2), configuration: without },
      ]),
    );
    assert.equal(isElectable(member.core.state), true);
    member.give({ type: 'campaign' });
    member.receive(2, { type: 'pre-vote-response', term: term(2), granted: true });
    assert.equal(member.core.role, 'pre-candidate', 'its own vote does not count');
    member.receive(3, { type: 'pre-vote-response', term: term(2), granted: true });
    assert.equal(member.core.role, 'candidate');
    member.receiveAppend(2, { term: 2, after: [2, 1], commit: 2 });
    assert.equal(isElectable(member.core.state), false);
  });

  test('gives up when a majority refuses', () => {
    const member = SoloMember.inCluster(3, [], { preVote: false });
    member.give({ type: 'campaign' });
    member.persist();
    member.receive(2, { type: 'vote-response', term: term(2), granted: false });
    assert.equal(member.core.role, 'candidate');
    member.receive(3, { type: 'vote-response', term: term(2), granted: false });
    assert.equal(member.core.role, 'follower');
    assert.equal(member.term, 2);
  });

  test('counts the first answer of a member, not a repeated or contradictory one', () => {
    const member = SoloMember.inCluster(5, [], { preVote: false });
    member.give({ type: 'campaign' });
    member.persist();
    for (const granted of [true, true, false, true]) {
      member.receive(2, { type: 'vote-response', term: term(2), granted });
    }
    assert.equal(member.core.role, 'candidate');
    member.receive(3, { type: 'vote-response', term: term(2), granted: true });
    assert.equal(member.core.role, 'leader');
  });

  test('needs a majority of both halves of a joint configuration (section 6)', () => {
    const joint = configuration({ voters: [1, 4, 5], outgoing: [1, 2, 3] });
    for (const [first, second] of [
      [2, 4],
      [4, 2],
    ] as const) {
      const member = new SoloMember(restoredLog(foundingLog(joint)), { preVote: false });
      member.give({ type: 'campaign' });
      member.persist();
      for (const voter of [first, first + 1]) {
        member.receive(voter, { type: 'vote-response', term: term(2), granted: true });
      }
      assert.equal(member.core.role, 'candidate', `n${first} and n${first + 1} are of one half`);
      member.receive(second, { type: 'vote-response', term: term(2), granted: true });
      assert.equal(member.core.role, 'leader');
    }
  });
});

describe("a candidate's vote for itself", () => {
  test('goes to disk before anyone is asked, and counts only then', () => {
    const member = SoloMember.inCluster(3, [], { preVote: false });
    const output = member.give({ type: 'campaign' });
    assert.deepEqual(output.persist?.hardState, { term: 2, vote: memberId(1), commit: 0 });
    assert.deepEqual(output.messages, []);
    assert.equal(output.messagesAfterPersist.length, 2);
    member.receive(2, { type: 'vote-response', term: term(2), granted: true });
    assert.equal(member.core.role, 'candidate', 'one vote of three: the own one is not durable');
    member.persist();
    assert.equal(member.core.role, 'leader');
  });

  test('of an earlier term does not count in a later one', () => {
    const member = SoloMember.inCluster(3, [], { preVote: false });
    const first = member.give({ type: 'campaign' }).persist?.batch ?? 0;
    member.give({ type: 'campaign' });
    member.give({ type: 'persisted', batch: first });
    member.receive(2, { type: 'vote-response', term: term(3), granted: true });
    assert.equal(member.core.role, 'candidate');
  });

  test('is all that a cluster of one needs', () => {
    const member = SoloMember.inCluster(1);
    member.give({ type: 'campaign' });
    assert.equal(member.core.role, 'candidate');
    member.persist();
    assert.equal(member.core.role, 'leader');
    member.persist();
    assert.equal(member.core.commit, 2);
  });
});

describe("when the leader's connection closes", () => {
  test('the first of the others asks for pre-votes at once', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    const output = member.give({ type: 'peer-closed', peer: memberId(2) });
    assert.deepEqual(
      output.messages.map((message) => message.type),
      ['pre-vote-request', 'pre-vote-request'],
    );
    assert.equal(member.core.leader, null);
  });

  test('the next ones wait their turn, a few ticks each', () => {
    const member = SoloMember.inCluster(5, [], { id: memberId(4) });
    member.follow(2, 2);
    member.give({ type: 'peer-closed', peer: memberId(2) });
    assert.equal(member.core.role, 'follower');
    member.tick(3);
    assert.equal(member.core.role, 'follower', 'third in line, after n1 and n3');
    member.tick();
    assert.equal(member.core.role, 'pre-candidate');
  });

  test('it is none of their business if the peer does not lead', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.give({ type: 'peer-closed', peer: memberId(3) });
    assert.equal(member.core.leader, memberId(2));
  });

  test('a leader that turns out to live is followed again, and waited for as long as ever', () => {
    const member = SoloMember.inCluster(3, [], { id: memberId(3) });
    member.follow(2, 2);
    member.give({ type: 'peer-closed', peer: memberId(2) });
    member.follow(2, 2);
    member.tick(9);
    assert.equal(member.core.role, 'follower');
    assert.equal(member.core.leader, memberId(2));
  });
});

describe('loyalty to a live leader (dissertation, section 4.2.3)', () => {
  test('a member that hears a leader does not even enter the term of a candidate', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    assert.deepEqual(member.requestVote(3, { term: 7 }).messagesAfterPersist, []);
    assert.equal(member.term, 2);
  });

  test('it ends with the election timeout', () => {
    const member = SoloMember.inCluster(3, [], { random: () => 5 });
    member.follow(2, 2);
    member.tick(10);
    member.requestVote(3, { term: 7 });
    assert.equal(member.core.status().vote, memberId(3));
  });

  test('it gives way to a candidate that the leader itself invited (section 3.10)', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.requestVote(3, { term: 3, transfer: true });
    assert.equal(member.core.status().vote, memberId(3));
  });

  test('without check-quorum only pre-votes respect it', () => {
    const member = SoloMember.inCluster(3, [], { checkQuorum: false });
    member.follow(2, 2);
    member.forget();
    member.requestVote(3, { term: 3, preVote: true });
    assert.equal(member.sentTo(3, 'pre-vote-response')[0]?.granted, false);
    member.requestVote(3, { term: 3 });
    assert.equal(member.core.status().vote, memberId(3));
  });
});
