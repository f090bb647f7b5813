import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ConfigurationParts, configuration, describeEntry, memberId } from './testing/builders.ts';
import { TestCluster } from './testing/test-cluster.ts';

/** Sections 6 to 8 of the Raft paper: changes of membership, log compaction, client interaction. */

const three = { voters: [1, 2, 3] };
const joint = { voters: [1, 4, 5], outgoing: [1, 2, 3] };

describe('6, cluster membership changes', () => {
  test('6: a joint configuration decides by both majorities: neither half elects or commits alone', () => {
    const cluster = new TestCluster({ founders: joint });
    cluster.partition([1, 2, 3], [4, 5]);
    cluster.step(cluster.member(2), { type: 'campaign' });
    cluster.settle();
    cluster.step(cluster.member(4), { type: 'campaign' });
    cluster.settle();
    assert.equal(cluster.leader(), undefined);

    cluster.heal();
    cluster.step(cluster.member(1), { type: 'campaign' });
    cluster.settle();
    const leader = cluster.member(1);
    assert.equal(leader.running.role, 'leader');
    const { commit } = leader.running;
    cluster.partition([1, 2, 3], [4, 5]);
    cluster.propose(leader, 'x');
    cluster.settle();
    assert.equal(leader.running.commit, commit);
    cluster.partition([1, 2, 4], [3, 5]);
    cluster.run(2);
    assert.equal(leader.running.commit, commit + 1);
  });

  test('6: a server uses the latest configuration in its log, committed or not', () => {
    const cluster = elected({ ...three, learners: [4, 5] });
    cluster.partition([1, 2], [3, 4, 5]);
    change(cluster, joint);
    cluster.settle();
    assert.deepEqual(cluster.member(2).running.status().configuration, configuration(joint));
    assert.equal(cluster.member(1).running.commit, 2);
  });

  test('6: from joint to new: a whole change, with the old voters gone in the end', () => {
    const cluster = elected({ ...three, learners: [4, 5] });
    change(cluster, joint);
    cluster.settle();
    assert.deepEqual(
      cluster.member(1).running.status().configuration,
      configuration({ voters: [1, 4, 5] }),
      'the leader ended the joint phase once it was committed',
    );
    cluster.crash(cluster.member(2));
    cluster.crash(cluster.member(3));
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    assert.equal(describeEntry(cluster.member(4).log.at(-1) ?? assert.fail()), '2:x');
    assert.equal(cluster.member(4).running.commit, cluster.member(1).running.commit);
  });

  test('6: a joint phase that a leader began and did not live to end is ended by the next one', () => {
    const cluster = elected({ ...three, learners: [4, 5] });
    cluster.partition([1, 2, 3], [4, 5]);
    change(cluster, joint);
    cluster.settle();
    cluster.crash(cluster.member(1));
    cluster.heal();
    cluster.closeConnections(cluster.member(1));
    cluster.run(40);
    cluster.restart(cluster.member(1));
    cluster.run(40);
    for (const number of [1, 4, 5]) {
      const status = cluster.member(number).running.status();
      assert.deepEqual(status.configuration, configuration({ voters: [1, 4, 5] }), `n${number}`);
    }
  });

  test('6: new servers catch up as non-voting members before they vote', () => {
    const cluster = new TestCluster({ founders: three, spares: [4] });
    cluster.step(cluster.member(1), { type: 'campaign' });
    cluster.settle();
    change(cluster, { ...three, learners: [4] });
    cluster.run(2);
    assert.deepEqual(cluster.member(4).log.map(describeEntry), cluster.member(1).log.map(describeEntry));
    cluster.crash(cluster.member(2));
    cluster.crash(cluster.member(3));
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    assert.equal(cluster.member(1).running.commit, 3, 'the learner has it, but does not count');
  });

  test('6: a leader that is not in the new configuration steps down once it is committed', () => {
    const cluster = elected(three);
    change(cluster, { voters: [2, 3] });
    cluster.settle();
    assert.equal(cluster.member(1).running.role, 'follower');
    cluster.run(40);
    assert([memberId(2), memberId(3)].includes(cluster.leader()?.id ?? memberId(9)));
    assert.equal(cluster.member(1).running.role, 'follower');
  });

  test('6: a removed server cannot depose the leader', () => {
    for (const preVote of [true, false]) {
      const cluster = new TestCluster({ founders: three, options: { preVote } });
      cluster.step(cluster.member(1), { type: 'campaign' });
      cluster.settle();
      cluster.partition([1, 2], [3]);
      change(cluster, { voters: [1, 2] });
      cluster.settle();
      cluster.heal();
      cluster.run(100);
      assert.equal(cluster.leader()?.id, memberId(1), `pre-vote ${preVote}`);
      assert.equal(cluster.member(1).running.term, 2);
    }
  });
});

describe('7, log compaction', () => {
  test('7: a follower that needs what was compacted gets a snapshot, and then the rest of the log', () => {
    const cluster = elected(three);
    cluster.crash(cluster.member(3));
    for (const text of ['a', 'b', 'c']) {
      cluster.propose(cluster.member(1), text);
    }
    cluster.settle();
    cluster.compact(cluster.member(1), cluster.member(1).applied);
    cluster.propose(cluster.member(1), 'd');
    cluster.restart(cluster.member(3));
    for (let tick = 0; tick < 5; tick += 1) {
      cluster.tickAll();
      cluster.rest();
    }
    const { firstIndex, commit, applied } = cluster.member(3).running.status();
    assert.deepEqual([firstIndex, commit, applied], [6, 6, 6]);
    assert.deepEqual(cluster.member(3).log.map(describeEntry), ['2:d']);
  });

  test('7: a server restarts from its snapshot and the log after it', () => {
    const cluster = elected(three);
    cluster.propose(cluster.member(1), 'a');
    cluster.settle();
    const member = cluster.member(2);
    cluster.compact(member, member.applied);
    cluster.propose(cluster.member(1), 'b');
    cluster.settle();
    cluster.crash(member);
    cluster.restart(member);
    const { firstIndex, lastIndex, configuration: inForce } = member.running.status();
    assert.deepEqual([firstIndex, lastIndex, inForce], [4, 4, configuration(three)]);
  });
});

describe('8, client interaction', () => {
  test('8: a leader commits a no-op at the start of its term, and with it what earlier terms left', () => {
    const cluster = new TestCluster({ founders: three, logs: { 1: [1], 2: [1], 3: [1] } });
    cluster.step(cluster.member(1), { type: 'campaign' });
    cluster.settle();
    assert.deepEqual(cluster.member(1).log.map(describeEntry).slice(1), ['1:1.2', '2:no-op']);
    assert.equal(cluster.member(1).running.commit, 3);
  });

  test('8: a follower tells its clients’ commands to the leader', () => {
    const cluster = elected(three);
    cluster.propose(cluster.member(3), 'x');
    cluster.settle();
    assert.equal(describeEntry(cluster.member(2).log.at(-1) ?? assert.fail()), '2:x');
  });
});

function elected(founders: ConfigurationParts): TestCluster {
  const cluster = new TestCluster({ founders });
  cluster.step(cluster.member(1), { type: 'campaign' });
  cluster.settle();
  assert.equal(cluster.leader()?.id, memberId(1));
  return cluster;
}

/** The leader n1 appends a configuration. */
function change(cluster: TestCluster, parts: ConfigurationParts): void {
  const output = cluster.step(cluster.member(1), {
    type: 'propose-configuration',
    id: 1,
    configuration: configuration(parts),
  });
  assert.deepEqual(output.proposalsRefused, []);
}
