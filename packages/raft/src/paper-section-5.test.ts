import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isElectable } from './election.ts';
import { defaultRaftOptions, replicationPreset } from './presets.ts';
import { describeEntry, memberId } from './testing/builders.ts';
import { SeededRandom } from './testing/seeded-random.ts';
import { SoloMember } from './testing/solo-member.ts';
import { TestCluster } from './testing/test-cluster.ts';

/** Section 5 of the Raft paper (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm"). */

const three = { voters: [1, 2, 3] };
const five = { voters: [1, 2, 3, 4, 5] };

describe('5.1, Raft basics', () => {
  test('5.1: a server whose term is smaller than a message’s updates its own', () => {
    const member = SoloMember.inCluster(3);
    member.receiveAppend(2, { term: 5, after: [1, 1] });
    assert.equal(member.term, 5);
  });

  test('5.1: a candidate or leader that discovers its term is out of date reverts to follower at once', () => {
    for (const leads of [false, true]) {
      const member = SoloMember.inCluster(3, [], { preVote: false });
      if (leads) {
        member.lead();
      } else {
        member.give({ type: 'campaign' });
      }
      member.requestVote(2, { term: 9, transfer: true });
      assert.deepEqual([member.core.role, member.term], ['follower', 9]);
    }
  });

  test('5.1: a request with a stale term is rejected', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 5);
    member.forget();
    member.requestVote(3, { term: 4 });
    member.receiveAppend(3, { term: 4, after: [1, 1], entries: [4] });
    assert.equal(member.core.status().vote, null);
    assert.equal(member.lastIndex, 1);
    assert.deepEqual(
      [...member.sent, ...member.sentAfterPersist].map((answer) => answer.term),
      [5, 5],
    );
  });
});

describe('5.2, leader election', () => {
  test('5.2: servers start as followers, and stay so while they hear a leader', () => {
    const member = SoloMember.inCluster(3);
    for (let elapsed = 0; elapsed < 50; elapsed += 1) {
      assert.equal(member.core.role, 'follower');
      member.tick();
      member.follow(2, 2);
    }
  });

  test('5.2: a leader sends periodic heartbeats to all followers', () => {
    const member = SoloMember.inCluster(3, [], { electionTimeoutTicks: 20, heartbeatTicks: 3 });
    member.leadUnopposed();
    member.tick(9);
    assert.equal(member.sentTo(2, 'heartbeat-request').length, 3);
    assert.equal(member.sentTo(3, 'heartbeat-request').length, 3);
  });

  test('5.2: to begin an election a follower increments its term, votes for itself and asks all others in parallel', () => {
    const member = SoloMember.inCluster(3, [], { preVote: false });
    member.tick(10);
    const { role, term, vote } = member.core.status();
    assert.deepEqual([role, term, vote], ['candidate', 2, memberId(1)]);
    assert.deepEqual(
      member.sentAfterPersist.map((message) => [message.type, message.to]),
      [
        ['vote-request', memberId(2)],
        ['vote-request', memberId(3)],
      ],
    );
  });

  for (const size of [1, 2, 3, 4, 5, 6, 7]) {
    test(`5.2: a candidate wins with the votes of a majority of ${size}, and not before`, () => {
      const member = SoloMember.inCluster(size, [], { preVote: false });
      member.give({ type: 'campaign' });
      member.persist();
      const majority = Math.floor(size / 2) + 1;
      for (let votes = 1; votes < majority; votes += 1) {
        assert.equal(member.core.role, 'candidate');
        member.receive(votes + 1, { type: 'vote-response', term: member.term, granted: true });
      }
      assert.equal(member.core.role, 'leader');
    });
  }

  test('5.2: each server votes for at most one candidate a term, first come, first served', () => {
    const member = SoloMember.inCluster(3);
    member.requestVote(2, { term: 2 });
    member.requestVote(3, { term: 2 });
    member.requestVote(2, { term: 2 });
    assert.deepEqual(
      member.sentAfterPersist.map((answer) => answer.type === 'vote-response' && [answer.to, answer.granted]),
      [
        [memberId(2), true],
        [memberId(3), false],
        [memberId(2), true],
      ],
    );
  });

  test('5.2: a vote survives a crash', () => {
    const cluster = new TestCluster({ founders: three, options: { preVote: false } });
    cluster.step(cluster.member(1), { type: 'campaign' });
    cluster.settle();
    const voter = cluster.member(2);
    cluster.crash(voter);
    cluster.restart(voter);
    assert.equal(voter.running.status().vote, memberId(1));
  });

  test('5.2: a candidate that hears a legitimate leader follows it; one of an older term it ignores', () => {
    const member = SoloMember.inCluster(3, [], { preVote: false });
    member.give({ type: 'campaign' });
    member.receiveAppend(2, { term: 1, after: [1, 1] });
    assert.equal(member.core.role, 'candidate');
    member.receiveAppend(2, { term: 2, after: [1, 1] });
    assert.deepEqual([member.core.role, member.core.leader], ['follower', memberId(2)]);
  });

  test('5.2: election timeouts are drawn anew from [n, 2n) each time', () => {
    const random = new SeededRandom(1);
    const member = SoloMember.inCluster(3, [], { random: (bound) => random.below(bound), preVote: false });
    const seen = new Set<number>();
    for (let campaigns = 0; campaigns < 200; campaigns += 1) {
      seen.add(member.core.state.election.timeoutTicks);
      member.give({ type: 'campaign' });
    }
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      Array.from({ length: 10 }, (_, position) => position + 10),
    );
  });

  test('5.2: a split vote ends, and somebody is elected, whoever times out when', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = new SeededRandom(seed);
      const cluster = new TestCluster({ founders: five, random, options: { preVote: seed % 2 === 0 } });
      cluster.run(100);
      assert(cluster.leader() !== undefined, `seed ${seed}`);
    }
  });
});

describe('5.3, log replication', () => {
  test('5.3: a command is appended, sent to all in parallel, committed by a majority, then applied', () => {
    const cluster = elected(three);
    const leader = cluster.member(1);
    cluster.propose(leader, 'x');
    assert.deepEqual(
      cluster.network.map((message) => [message.type, message.to]),
      [
        ['append-request', memberId(2)],
        ['append-request', memberId(3)],
      ],
    );
    assert.equal(leader.applied, 2);
    cluster.partition([1, 2], [3]);
    cluster.settle();
    assert.deepEqual([leader.running.commit, leader.applied], [3, 3]);
  });

  test('5.3: a leader retries for ever until all followers store all entries', () => {
    const cluster = elected(three);
    cluster.partition([1, 2], [3]);
    for (const text of ['a', 'b', 'c']) {
      cluster.propose(cluster.member(1), text);
      cluster.run(20);
    }
    assert.equal(cluster.member(3).log.length, 2);
    cluster.heal();
    cluster.run(2);
    assert.deepEqual(contents(cluster, 3), contents(cluster, 1));
  });

  test('5.3: the last entry commits on followers without another write', () => {
    const cluster = elected(three);
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    assert.deepEqual([cluster.member(2).applied, cluster.member(3).applied], [3, 3]);
  });

  test('5.3: a follower appends only where the entry before matches', () => {
    const member = SoloMember.inCluster(3, [1, 1]);
    for (const after of [
      [4, 1],
      [3, 2],
    ] as const) {
      member.receiveAppend(2, { term: 3, after, entries: [3] });
      assert.equal(member.lastIndex, 3);
    }
    member.receiveAppend(2, { term: 3, after: [3, 1], entries: [3] });
    assert.equal(member.lastIndex, 4);
  });

  test('5.3: a leader brings every log of figure 7 into line with its own', () => {
    const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const followers: Readonly<Record<string, readonly number[]>> = {
      'a: an entry is missing': [1, 1, 1, 4, 4, 5, 5, 6, 6],
      'b: many are missing': [1, 1, 1, 4],
      'c: one too many': [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      'd: two of a later term too many': [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      'e: a term that was never finished': [1, 1, 1, 4, 4, 4, 4],
      'f: two terms that nobody else has': [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    };
    for (const [name, terms] of Object.entries(followers)) {
      for (const preset of ['vanilla', 'pipelined'] as const) {
        const cluster = new TestCluster({
          founders: three,
          term: 7,
          logs: { 1: leaderTerms, 2: leaderTerms, 3: terms },
          options: { replication: replicationPreset(preset) },
        });
        cluster.step(cluster.member(1), { type: 'campaign' });
        cluster.run(1);
        assert.deepEqual(contents(cluster, 3), contents(cluster, 1), `${name}, ${preset}`);
      }
    }
  });

  test('5.3: one rejection is enough for each conflicting term', () => {
    const terms = (count: number, term: number): number[] => Array.from({ length: count }, () => term);
    const cluster = new TestCluster({
      founders: three,
      term: 9,
      logs: {
        1: [...terms(50, 1), ...terms(50, 5), ...terms(50, 8)],
        2: [...terms(50, 1), ...terms(50, 5), ...terms(50, 8)],
        3: [...terms(50, 1), ...terms(60, 4), ...terms(60, 7)],
      },
    });
    cluster.step(cluster.member(1), { type: 'campaign' });
    let rejections = 0;
    while (cluster.network.length > 0) {
      const [message] = cluster.network;
      rejections += message?.type === 'append-response' && message.result.kind === 'rejected' ? 1 : 0;
      cluster.deliver(0);
    }
    assert(rejections <= 3, `${rejections} rejections`);
    assert.deepEqual(contents(cluster, 3), contents(cluster, 1));
  });
});

describe('5.4, safety', () => {
  test('5.4.1: a voter refuses a candidate whose log is less up-to-date than its own', () => {
    const cases: readonly (readonly [
      own: number[],
      candidate: readonly [number, number],
      granted: boolean,
    ])[] = [
      [[1, 1], [3, 1], true],
      [[1, 1], [2, 1], false],
      [[1, 1], [2, 2], true],
      [[1, 2], [9, 1], false],
      [[1, 2], [4, 2], true],
    ];
    for (const [own, last, granted] of cases) {
      for (const preVote of [true, false]) {
        const member = SoloMember.inCluster(3, own);
        member.requestVote(2, { term: 5, last, preVote });
        const [answer] = [...member.sent, ...member.sentAfterPersist];
        assert(answer?.type === 'pre-vote-response' || answer?.type === 'vote-response');
        assert.equal(
          answer.granted,
          granted,
          `own ${own.join()}, candidate ${last.join('/')}, pre-vote ${preVote}`,
        );
      }
    }
  });

  test('5.4.1: whoever is elected has every committed entry', () => {
    const cluster = elected(five);
    cluster.partition([1, 2, 3], [4, 5]);
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    cluster.heal();
    cluster.crash(cluster.member(1));
    for (const number of [4, 5, 2]) {
      cluster.tickAll(10);
      cluster.step(cluster.member(number), { type: 'campaign' });
      cluster.settle();
    }
    const leader = cluster.leader();
    assert(leader !== undefined);
    assert(leader.log.some((entry) => describeEntry(entry) === '2:x'));
  });

  test('5.4.2: a leader commits no entry of an earlier term by counting (figure 8)', () => {
    const member = SoloMember.inCluster(5, [2], { replication: replicationPreset('vanilla') });
    member.lead();
    for (const number of [2, 3, 4, 5]) {
      member.acknowledge(number, 2);
    }
    assert.equal(member.core.commit, 0);
    member.acknowledge(2, 3);
    member.acknowledge(3, 3);
    assert.equal(member.core.commit, 3, 'and with an entry of its own term, everything before');
  });

  test('5.4.3: a committed entry is never removed, even if someone asks for it', () => {
    for (const entries of [[9], [9, 9]]) {
      const member = SoloMember.inCluster(3, [1, 1]);
      member.receiveAppend(2, { term: 2, after: [3, 1], commit: 3 });
      const overwrite = { term: 9, after: [2, 1], entries } as const;
      assert.throws(() => member.receiveAppend(3, overwrite), /committed entries are never truncated/);
    }
  });
});

describe('5.5, follower and candidate crashes', () => {
  test('5.5: requests are idempotent: repeating each of them changes nothing', () => {
    const cluster = elected(three);
    const repeatable = new Set(['append-request', 'append-response', 'vote-request', 'vote-response']);
    cluster.propose(cluster.member(1), 'x');
    for (let delivered = 0; cluster.network.length > 0; delivered += 1) {
      const [message] = cluster.network;
      if (message !== undefined && repeatable.has(message.type) && delivered < 20) {
        cluster.deliver(0, true);
      }
      cluster.deliver(0);
    }
    for (const number of [1, 2, 3]) {
      assert.equal(contents(cluster, number).filter((content) => content === '2:x').length, 1);
    }
  });

  test('5.5: a follower that crashed is brought up to date when it is back', () => {
    const cluster = elected(three);
    cluster.crash(cluster.member(3));
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    cluster.restart(cluster.member(3));
    cluster.run(2);
    assert.deepEqual(contents(cluster, 3), contents(cluster, 1));
    assert.equal(cluster.leader()?.id, memberId(1));
  });

  test('5.5: a member that crashed between writing and answering has the entry when it is back', () => {
    const cluster = new TestCluster({ founders: three, automatic: false });
    cluster.step(cluster.member(1), { type: 'campaign' });
    cluster.rest();
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    cluster.crash(cluster.member(2), 1);
    cluster.restart(cluster.member(2));
    assert.deepEqual(contents(cluster, 2).at(-1), '2:x');
    cluster.run(2);
    cluster.rest();
    assert.equal(cluster.member(1).running.commit, 3);
  });
});

describe('5.6, timing and availability', () => {
  test('5.6: safety does not depend on timing: nobody is elected without ticks, and nothing is lost by many', () => {
    const cluster = elected(three);
    cluster.propose(cluster.member(1), 'x');
    cluster.settle();
    cluster.partition([1], [2], [3]);
    cluster.tickAll(200);
    assert.equal(cluster.leader(), undefined);
    cluster.heal();
    cluster.run(40);
    assert(contents(cluster, Number(cluster.leader()?.id)).includes('2:x'));
  });

  test('5.6: heartbeats are well within the election timeout by default', () => {
    const { heartbeatTicks, electionTimeoutTicks } = defaultRaftOptions({
      id: memberId(1),
      electionTimeoutMs: 1000,
      random: () => 0,
    });
    assert(heartbeatTicks * 3 < electionTimeoutTicks);
    assert(isElectable(SoloMember.inCluster(3).core.state));
  });
});

/** n1 leads, and its no-op is committed everywhere. */
function elected(founders: { readonly voters: readonly number[] }): TestCluster {
  const cluster = new TestCluster({ founders });
  cluster.step(cluster.member(1), { type: 'campaign' });
  cluster.settle();
  assert.equal(cluster.leader()?.id, memberId(1));
  return cluster;
}

function contents(cluster: TestCluster, number: number): string[] {
  return cluster.member(number).log.map(describeEntry);
}
