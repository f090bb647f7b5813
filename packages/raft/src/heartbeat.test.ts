import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configuration, foundingLog, index, memberId, restoredLog, term } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('a heartbeat', () => {
  test('is answered without the disk', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.receiveAppend(2, { term: 2, after: [1, 1], entries: [2] });
    const output = member.receive(2, {
      type: 'heartbeat-request',
      term: term(2),
      commit: index(0),
      round: 4,
    });
    assert.deepEqual(output.messages, [
      { type: 'heartbeat-response', from: memberId(1), to: memberId(2), term: 2, round: 4 },
    ]);
  });

  test('is answered after the disk, if the disk does not know the term yet', () => {
    const member = SoloMember.inCluster(3);
    const beat = { type: 'heartbeat-request', term: term(2), commit: index(0), round: 1 } as const;
    const first = member.receive(2, beat);
    assert.deepEqual([first.messages.length, first.messagesAfterPersist.length], [0, 1]);
    const second = member.receive(2, { ...beat, round: 2 });
    assert.deepEqual([second.messages.length, second.messagesAfterPersist.length], [0, 1]);
    member.persist();
    assert.equal(member.receive(2, { ...beat, round: 3 }).messages.length, 1);
  });

  test('tells the commit index, no further than the receiver is known to match', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.persist();
    member.acknowledge(2, 3);
    member.forget();
    member.tick();
    assert.equal(member.sentTo(2, 'heartbeat-request')[0]?.commit, 3);
    assert.equal(member.sentTo(3, 'heartbeat-request')[0]?.commit, 2);
  });

  test('that commits what the log does not have stops the member: its disk has lost something', () => {
    const member = SoloMember.inCluster(3);
    const beat = { type: 'heartbeat-request', term: term(2), commit: index(9), round: 1 } as const;
    assert.throws(() => member.receive(2, beat), /lost entries/);
  });

  test('makes a candidate of the same term step back (section 5.2)', () => {
    const member = SoloMember.inCluster(3, [], { preVote: false });
    member.give({ type: 'campaign' });
    member.follow(2, 2);
    assert.deepEqual([member.core.role, member.core.leader], ['follower', memberId(2)]);
    assert.equal(member.core.status().vote, memberId(1), 'the vote of the term stays given');
  });
});

describe('check-quorum (dissertation, section 6.2)', () => {
  test('makes a leader that hears no majority step down', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.tick(10);
    assert.equal(member.core.role, 'leader', 'it was heard from in the first election timeout');
    member.tick(10);
    assert.deepEqual([member.core.role, member.core.leader, member.term], ['follower', null, 2]);
  });

  test('counts any answer as a sign of life', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    for (let round = 0; round < 4; round += 1) {
      member.tick(9);
      member.answerHeartbeat(3, 1);
      member.tick();
    }
    assert.equal(member.core.role, 'leader');
  });

  test('needs both majorities of a joint configuration (section 6)', () => {
    const joint = configuration({ voters: [1, 4, 5], outgoing: [1, 2, 3] });
    const member = new SoloMember(restoredLog(foundingLog(joint)));
    member.leadUnopposed();
    member.tick(10);
    member.answerHeartbeat(2, 1);
    member.answerHeartbeat(3, 1);
    member.tick(10);
    assert.equal(member.core.role, 'follower');
  });

  test('can be switched off', () => {
    const member = SoloMember.inCluster(3, [], { checkQuorum: false });
    member.leadUnopposed();
    member.tick(50);
    assert.equal(member.core.role, 'leader');
  });
});
