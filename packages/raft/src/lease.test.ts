import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RaftOptions } from './options.ts';
import { memberId } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

/** An election timeout is 1,000 ms here, and a fifth of it is given up to clock drift. */
const lease: Partial<RaftOptions> = { reads: 'lease', leaseDriftPercent: 20 };

describe('the lease of a leader (dissertation, section 6.4.1)', () => {
  test('lets it answer reads at once', () => {
    const member = leaderWithLease();
    assert.deepEqual(member.give({ type: 'read', id: 1 }).readsReady, [{ id: 1, index: 2 }]);
  });

  test('runs from when the heartbeats were sent, not from when they were answered', () => {
    const member = leaderWithLease();
    const sentMs = member.nowMs;
    member.tick();
    member.nowMs = sentMs + 500;
    member.answerHeartbeat(2, 2);
    member.nowMs = sentMs + 799;
    assert.equal(member.give({ type: 'read', id: 1 }).readsReady.length, 1);
    member.nowMs = sentMs + 800;
    assert.equal(member.give({ type: 'read', id: 2 }).readsReady.length, 0);
  });

  test('needs a quorum', () => {
    const member = SoloMember.inCluster(5, [], lease);
    member.nowMs = 5000;
    member.give({ type: 'tick' });
    member.nowMs = 7000;
    member.leadUnopposed();
    member.answerHeartbeat(2, 1);
    assert.equal(member.give({ type: 'read', id: 1 }).readsReady.length, 0);
    member.answerHeartbeat(3, 1);
    assert.equal(member.readsReady.length, 1, 'the third of five has promised');
  });

  test('ends before leadership is handed over, and does not come back in this term', () => {
    const member = leaderWithLease();
    member.give({ type: 'transfer-leadership', to: memberId(2) });
    assert.equal(member.give({ type: 'read', id: 1 }).readsReady.length, 0);
    member.tick(10);
    assert.equal(member.core.status().transferringTo, null);
    member.answerHeartbeat(2, 11);
    member.answerHeartbeat(3, 11);
    assert.equal(member.readsReady.length, 1, 'read 1 was confirmed by a round');
    assert.equal(member.give({ type: 'read', id: 2 }).readsReady.length, 0);
  });

  test('is not used without the option', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.answerHeartbeat(2, 1);
    assert.equal(member.give({ type: 'read', id: 1 }).readsReady.length, 0);
  });
});

describe('the promise of a voter', () => {
  test('outlasts ticks that come in a bunch', () => {
    const member = SoloMember.inCluster(3, [], lease);
    member.nowMs = 5000;
    member.follow(2, 2);
    member.tick(30);
    assert.equal(member.core.role, 'follower');
    member.requestVote(3, { term: 3 });
    assert.equal(member.term, 2);
    member.nowMs = 6000;
    member.requestVote(3, { term: 3 });
    assert.equal(member.core.status().vote, memberId(3));
  });

  test("outlasts the leader's connection", () => {
    const member = SoloMember.inCluster(3, [], lease);
    member.follow(2, 2);
    const output = member.give({ type: 'peer-closed', peer: memberId(2) });
    assert.deepEqual(output.messages, []);
    assert.equal(member.core.leader, memberId(2));
  });

  test('is kept by a member that has just started and forgot what it promised', () => {
    const member = SoloMember.inCluster(3, [], lease);
    member.nowMs = 500;
    member.give({ type: 'campaign' });
    member.requestVote(3, { term: 5 });
    member.nowMs = 1499;
    member.requestVote(3, { term: 5 });
    assert.deepEqual([member.core.role, member.term], ['follower', 1]);
    member.nowMs = 1500;
    member.requestVote(3, { term: 5 });
    assert.equal(member.core.status().vote, memberId(3));
  });

  test('gives way to a transfer, which ended the lease first', () => {
    const member = SoloMember.inCluster(3, [], lease);
    member.follow(2, 2);
    member.requestVote(3, { term: 3, transfer: true });
    assert.equal(member.core.status().vote, memberId(3));
  });
});

/** n1 leads, and n2 has answered the heartbeats of its first round. */
function leaderWithLease(): SoloMember {
  const member = SoloMember.inCluster(3, [], lease);
  member.give({ type: 'tick' });
  member.nowMs = 2000;
  member.leadUnopposed();
  member.answerHeartbeat(2, 1);
  return member;
}
