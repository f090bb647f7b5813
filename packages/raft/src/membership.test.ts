import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { afterJointPhase, maySucceed } from './membership.ts';
import { configuration, foundingLog, index, memberId, memberIds, restoredLog } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('a change of membership (section 6)', () => {
  test('is in force as soon as it is appended', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({
      type: 'propose-configuration',
      id: 1,
      configuration: configuration({ voters: [1, 2, 3, 4] }),
    });
    assert.deepEqual(
      member.core.status().peers.map(({ id }) => id),
      [memberId(2), memberId(3), memberId(4)],
    );
    member.persist();
    member.acknowledge(2, 3);
    assert.equal(member.core.commit, 2, 'two of four are no majority');
    member.acknowledge(3, 3);
    assert.equal(member.core.commit, 3);
  });

  test('waits for the one before', () => {
    const member = SoloMember.inCluster(3);
    member.lead();
    const larger = configuration({ voters: [1, 2, 3, 4] });
    member.give({ type: 'propose-configuration', id: 1, configuration: larger });
    member.acknowledge(2, 2);
    member.give({ type: 'propose-configuration', id: 2, configuration: larger });
    member.give({
      type: 'propose-configuration',
      id: 3,
      configuration: configuration({ voters: [1, 2, 3] }),
    });
    assert.deepEqual(member.proposalsRefused, [
      { id: 1, reason: 'configuration-change' },
      { id: 3, reason: 'configuration-change' },
    ]);
  });

  test('waits for an entry of the own term, or it might build on what another leader undoes', () => {
    const founders = configuration({ voters: [1, 2, 3] });
    const member = new SoloMember({ ...restoredLog(foundingLog(founders)), applied: index(1) });
    member.lead();
    assert.equal(member.core.commit, 1);
    const larger = configuration({ voters: [1, 2, 3, 4] });
    member.give({ type: 'propose-configuration', id: 1, configuration: larger });
    assert.deepEqual(member.proposalsRefused, [{ id: 1, reason: 'configuration-change' }]);
    member.acknowledge(2, 2);
    member.give({ type: 'propose-configuration', id: 2, configuration: larger });
    assert.deepEqual(member.core.status().configuration, larger);
  });

  test('is refused by a member that does not lead', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.give({ type: 'propose-configuration', id: 1, configuration: configuration({ voters: [1, 2] }) });
    assert.deepEqual(member.proposalsRefused, [{ id: 1, reason: 'not-leader' }]);
  });

  test('that removes the leader lets it lead until it is committed, without its own vote', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({ type: 'propose-configuration', id: 1, configuration: configuration({ voters: [2, 3] }) });
    member.persist();
    member.acknowledge(2, 3);
    assert.deepEqual([member.core.role, member.core.commit], ['leader', 2]);
    member.forget();
    member.acknowledge(3, 3);
    assert.deepEqual([member.core.role, member.core.commit], ['follower', 3]);
    assert.equal(member.sentTo(2, 'append-request')[0]?.commit, 3, 'it tells the others before it goes');
  });

  test('that adds learners gives them no part in any majority', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    const learners = configuration({ voters: [1, 2, 3], learners: [4, 5] });
    member.give({ type: 'propose-configuration', id: 1, configuration: learners });
    member.persist();
    member.acknowledge(4, 3);
    member.acknowledge(5, 3);
    assert.equal(member.core.commit, 2, 'three of five members have it, but one of three voters');
    member.acknowledge(2, 3);
    assert.equal(member.core.commit, 3);
  });

  test('that a newer leader overwrites is undone: the configuration before is in force again', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({ type: 'propose-configuration', id: 1, configuration: configuration({ voters: [1, 2] }) });
    member.persist();
    member.follow(2, 5);
    member.receiveAppend(2, { term: 5, after: [2, 2], entries: [5], commit: 3 });
    assert.deepEqual(member.core.status().configuration, configuration({ voters: [1, 2, 3] }));
    assert.equal(member.core.configurations.length, 1, 'and no other may be in force');
  });
});

describe('a joint phase (section 6)', () => {
  const joint = configuration({ voters: [1, 2, 4], outgoing: [1, 2, 3] });

  test('is ended by the leader as soon as both majorities have its configuration', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({ type: 'propose-configuration', id: 1, configuration: joint });
    member.persist();
    member.acknowledge(3, 3);
    assert.deepEqual(member.core.status().configuration, joint, 'n4 and n2 are silent: no incoming majority');
    member.acknowledge(2, 3);
    assert.deepEqual(member.core.status().configuration, configuration({ voters: [1, 2, 4] }));
    assert.deepEqual(
      member.core.status().peers.map(({ id }) => id),
      memberIds([2, 4]),
      'n3 is not replicated any more',
    );
    assert.equal(member.core.commit, 3);
    assert.equal(member.core.configurations.length, 2, 'n3 may be needed until the end of it is committed');
  });

  test('is not ended while leadership is handed over: the next leader does it', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({ type: 'propose-configuration', id: 1, configuration: joint });
    member.give({ type: 'transfer-leadership', to: memberId(2) });
    member.persist();
    member.acknowledge(3, 3);
    member.acknowledge(2, 3);
    assert.deepEqual([member.core.commit, member.lastIndex], [3, 3]);
    assert.deepEqual(member.core.status().configuration, joint);
  });

  test('leaves behind whoever only left it, and keeps as learners those who lost their vote', () => {
    const addresses = [1, 2, 3, 4, 5].map((id) => ({
      id: memberId(id),
      name: `n${id}`,
      peerUrls: ['http://x'],
    }));
    const after = afterJointPhase({
      ...configuration({ voters: [1, 4], outgoing: [1, 2, 3], learners: [5] }),
      learnersNext: memberIds([2]),
      addresses,
    });
    assert.deepEqual(after, {
      ...configuration({ voters: [1, 4], learners: [2, 5] }),
      addresses: addresses.filter(({ name }) => name !== 'n3'),
    });
  });
});

test('one configuration may follow another if no two disjoint majorities can decide', () => {
  const three = configuration({ voters: [1, 2, 3] });
  const joint = configuration({ voters: [1, 4, 5], outgoing: [1, 2, 3] });
  const may = (from: typeof three, to: typeof three): boolean => maySucceed(from, to);
  assert(may(three, configuration({ voters: [1, 2, 3, 4] })), 'one more');
  assert(may(three, configuration({ voters: [1, 3] })), 'one less');
  assert(may(three, configuration({ voters: [1, 2, 3], learners: [4, 5] })), 'learners are free');
  assert(!may(three, configuration({ voters: [1, 2, 4] })), 'a replacement needs a joint phase');
  assert(may(three, joint), 'into a joint phase');
  assert(!may(configuration({ voters: [1, 2] }), joint), 'its outgoing voters are the present ones');
  assert(may(joint, configuration({ voters: [1, 4, 5] })), 'out of it');
  assert(!may(joint, three), 'not back');
  assert(!may(joint, joint), 'not sideways');
  assert(!may(three, configuration({ voters: [] })), 'somebody votes');
});
