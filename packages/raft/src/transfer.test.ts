import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configuration, foundingLog, memberId, restoredLog } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('a leader that hands over (dissertation, section 3.10)', () => {
  test("invites its successor when the successor's log is complete", () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.give({ type: 'transfer-leadership', to: memberId(2) });
    assert.deepEqual(member.sentTo(2, 'timeout-now'), []);
    member.acknowledge(3, 3);
    assert.deepEqual(member.sentTo(2, 'timeout-now'), []);
    member.acknowledge(2, 3);
    assert.equal(member.sentTo(2, 'timeout-now').length, 1);
    member.acknowledge(2, 3);
    assert.equal(member.sentTo(2, 'timeout-now').length, 1, 'once');
  });

  test('takes no commands and no changes of membership meanwhile', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({ type: 'transfer-leadership', to: memberId(2) });
    const fewer = configuration({ voters: [1, 2] });
    member.propose('a');
    member.give({ type: 'propose-configuration', id: 9, configuration: fewer });
    assert.deepEqual(member.proposalsRefused, [
      { id: 0, reason: 'transferring' },
      { id: 9, reason: 'transferring' },
    ]);
  });

  test('gives up after an election timeout', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({ type: 'transfer-leadership', to: memberId(2) });
    member.acknowledge(3, 2);
    member.tick(10);
    assert.deepEqual(member.events.at(-1), { type: 'transfer-aborted', to: memberId(2) });
    assert.deepEqual(member.propose('a').proposalsRefused, []);
  });

  test('does not hand over to a learner, a stranger, or a voter that is leaving', () => {
    const joint = configuration({ voters: [1, 2], outgoing: [1, 3], learners: [4] });
    const member = new SoloMember(restoredLog(foundingLog(joint)));
    member.leadUnopposed();
    for (const number of [3, 4, 5]) {
      const output = member.give({ type: 'transfer-leadership', to: memberId(number) });
      assert.deepEqual(output.events, [{ type: 'transfer-aborted', to: memberId(number) }]);
    }
    assert.equal(member.core.status().transferringTo, null);
  });

  test('can change its mind', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.give({ type: 'transfer-leadership', to: memberId(2) });
    const output = member.give({ type: 'transfer-leadership', to: memberId(3) });
    assert.deepEqual(output.events, [
      { type: 'transfer-aborted', to: memberId(2) },
      { type: 'transfer-started', to: memberId(3) },
    ]);
    assert.deepEqual(member.give({ type: 'transfer-leadership', to: memberId(3) }).events, []);
  });

  test('has nothing to do if it is to lead itself', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    assert.deepEqual(member.give({ type: 'transfer-leadership', to: memberId(1) }).events, []);
  });

  test('must lead', () => {
    const member = SoloMember.inCluster(3);
    const output = member.give({ type: 'transfer-leadership', to: memberId(2) });
    assert.deepEqual(output.events, [{ type: 'transfer-aborted', to: memberId(2) }]);
  });
});

describe('a member that is invited to lead', () => {
  test('campaigns at once, without a pre-vote, and tells the voters why', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    const output = member.receive(2, { type: 'timeout-now', term: member.term });
    assert.equal(member.core.role, 'candidate');
    assert.deepEqual(
      output.messagesAfterPersist.map(
        (message) => message.type === 'vote-request' && message.leadershipTransfer,
      ),
      [true, true],
    );
  });

  test('does not if the invitation is of an earlier term, or it has no vote', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 3);
    member.receive(2, { type: 'timeout-now', term: restoredLog([], 2).hardState.term });
    assert.equal(member.core.role, 'follower');

    const learner = new SoloMember(
      restoredLog(foundingLog(configuration({ voters: [2, 3], learners: [1] }))),
    );
    learner.follow(2, 2);
    learner.receive(2, { type: 'timeout-now', term: learner.term });
    assert.equal(learner.core.role, 'follower');
  });
});
