import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RaftOptions } from './options.ts';
import { describeEntry, memberId } from './testing/builders.ts';
import { TestCluster } from './testing/test-cluster.ts';

/** Ongaro's dissertation, "Consensus: Bridging Theory and Practice", where it goes beyond the paper. */

const three = { voters: [1, 2, 3] };

describe('3.10, leadership transfer', () => {
  test('3.10: the target takes over at once, in spite of everyone’s loyalty, and nothing is lost', () => {
    const cluster = elected();
    cluster.propose(cluster.member(1), 'x');
    cluster.step(cluster.member(1), { type: 'transfer-leadership', to: memberId(3) });
    cluster.settle();
    assert.equal(cluster.leader()?.id, memberId(3));
    assert.equal(cluster.member(3).running.term, 3);
    assert.deepEqual(cluster.member(3).log.map(describeEntry).slice(1), ['2:no-op', '2:x', '3:no-op']);
  });

  test('3.10: if it fails, the old leader goes on after an election timeout', () => {
    const cluster = elected();
    cluster.crash(cluster.member(3));
    cluster.step(cluster.member(1), { type: 'transfer-leadership', to: memberId(3) });
    cluster.run(10);
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    assert.equal(cluster.leader()?.id, memberId(1));
    assert.equal(cluster.member(2).running.commit, 3);
  });
});

describe('4.2.3, disruptive servers', () => {
  test('4.2.3: within an election timeout of hearing the leader, nobody helps to depose it', () => {
    const cluster = elected({ preVote: false });
    cluster.partition([1], [2, 3]);
    cluster.step(cluster.member(3), { type: 'campaign' });
    cluster.settle();
    assert.deepEqual([cluster.member(2).running.term, cluster.member(2).running.leader], [2, memberId(1)]);
  });
});

describe('6.2, finding the leader', () => {
  test('6.2: a leader without a quorum steps down within two election timeouts', () => {
    const cluster = elected();
    cluster.partition([1], [2, 3]);
    cluster.run(20);
    assert.equal(cluster.member(1).running.role, 'follower');
  });

  test('6.2: a leader that can reach a quorum keeps leading, even if some members cannot hear it', () => {
    const cluster = elected();
    cluster.cuts.add('1>3');
    cluster.run(100);
    assert.equal(cluster.leader()?.id, memberId(1));
    assert.equal(cluster.member(1).running.term, 2);
  });
});

describe('6.4, read-only queries', () => {
  test('6.4: a read sees all that was acknowledged before it was asked for', () => {
    const cluster = elected();
    for (const number of [1, 2, 3]) {
      cluster.propose(cluster.member(1), `x${number}`);
      cluster.settle();
      const id = cluster.read(cluster.member(number));
      cluster.settle();
      assert.equal(cluster.answeredReads.get(id), 2 + number);
    }
  });

  test('6.4: a deposed leader serves no read, by read index', () => {
    const cluster = elected();
    depose(cluster);
    const id = cluster.read(cluster.member(1));
    cluster.run(30);
    assert.equal(cluster.answeredReads.get(id), undefined);
    assert.equal(cluster.pendingReads.has(id), false, 'it was refused');
  });

  test('6.4: a new leader serves no read before it has committed an entry of its own term', () => {
    const cluster = new TestCluster({ founders: three });
    cluster.step(cluster.member(1), { type: 'campaign' });
    while (cluster.leader() === undefined) {
      cluster.deliver(0);
    }
    for (const append of cluster.network.filter(({ type }) => type === 'append-request')) {
      cluster.drop(cluster.network.indexOf(append));
    }
    const id = cluster.read(cluster.member(1));
    cluster.settle();
    assert.equal(cluster.member(1).running.state.commit, 0);
    assert.equal(
      cluster.answeredReads.has(id),
      false,
      'its heartbeats were answered, but that is not enough',
    );
    cluster.run(2);
    assert.equal(cluster.answeredReads.get(id), 2);
  });

  test('6.4.1: a deposed leader serves no read by its lease, either', () => {
    const cluster = new TestCluster({ founders: three, options: { reads: 'lease', leaseDriftPercent: 0 } });
    cluster.run(30);
    const old = cluster.leader();
    assert(old !== undefined);
    const others = [1, 2, 3].filter((number) => memberId(number) !== old.id);
    cluster.partition([Number(old.id)], others);
    let served = 0;
    for (let tick = 0; tick < 60; tick += 1) {
      cluster.run(1);
      const leader = cluster.leader();
      if (leader !== undefined && leader !== old) {
        cluster.propose(leader);
        cluster.settle();
      }
      // The checker compares the index with all that was committed when the read was asked for.
      const id = cluster.read(old);
      served += cluster.answeredReads.has(id) ? 1 : 0;
    }
    assert(served > 0, 'as long as the lease lasted it served reads');
    assert.notEqual(cluster.leader(), old);
  });
});

describe('9.6, preventing disruptions when a server rejoins the cluster', () => {
  test('9.6: a server that was cut off does not depose the leader when it is back', () => {
    const cluster = elected();
    cluster.partition([1, 2], [3]);
    cluster.run(200);
    assert.equal(cluster.member(3).running.term, 2);
    cluster.heal();
    cluster.run(5);
    assert.deepEqual([cluster.leader()?.id, cluster.member(1).running.term], [memberId(1), 2]);
    assert.equal(cluster.member(3).running.leader, memberId(1));
  });

  test('9.6: a server whose log is behind does not even raise the term', () => {
    const cluster = elected();
    cluster.partition([1, 2], [3]);
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    cluster.heal();
    cluster.crash(cluster.member(1));
    cluster.tickAll(10);
    cluster.step(cluster.member(3), { type: 'campaign' });
    cluster.settle();
    assert.equal(cluster.member(3).running.term, 2);
  });
});

describe('10.2.1, writing to the leader’s disk in parallel', () => {
  test('10.2.1: followers have the entry, and it is committed, before the leader’s disk has it', () => {
    const cluster = new TestCluster({ founders: three, automatic: false });
    cluster.step(cluster.member(1), { type: 'campaign' });
    cluster.rest();
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    cluster.persist(cluster.member(2));
    cluster.persist(cluster.member(3));
    cluster.settle();
    const { commit, durableIndex } = cluster.member(1).running.status();
    assert.deepEqual([commit, durableIndex], [3, 2]);
  });
});

function elected(options: Partial<RaftOptions> = {}): TestCluster {
  const cluster = new TestCluster({ founders: three, options });
  cluster.step(cluster.member(1), { type: 'campaign' });
  cluster.settle();
  assert.equal(cluster.leader()?.id, memberId(1));
  return cluster;
}

/** n2 is elected behind the back of n1, and commits something that n1 does not know of. */
function depose(cluster: TestCluster): void {
  cluster.partition([1], [2, 3]);
  cluster.step(cluster.member(2), { type: 'peer-closed', peer: memberId(1) });
  cluster.step(cluster.member(3), { type: 'peer-closed', peer: memberId(1) });
  cluster.settle();
  assert.equal(cluster.member(2).running.role, 'leader');
  cluster.propose(cluster.member(2), 'news');
  cluster.settle();
  assert.equal(cluster.member(1).running.role, 'leader');
}
