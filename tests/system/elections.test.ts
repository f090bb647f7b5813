import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, putUntilAcknowledged, rejectsWithCode } from './harness/eventually.ts';
import { FakePeer } from './harness/fake-peer.ts';
import type { MemberProcess } from './harness/member-process.ts';
import { TestCluster } from './harness/test-cluster.ts';

/** For each term the members whose log says that they led it. */
function leadersByTerm(members: readonly MemberProcess[]): Map<number, Set<string>> {
  const leaders = new Map<number, Set<string>>();
  for (const member of members) {
    for (const line of member.logLines()) {
      if (line['role'] === 'leader' && typeof line['term'] === 'number') {
        leaders.set(line['term'], (leaders.get(line['term']) ?? new Set()).add(member.name));
      }
    }
  }
  return leaders;
}

/** For each term the candidates that one member voted for, as its log says. */
function votesByTerm(member: MemberProcess): Map<number, Set<unknown>> {
  const votes = new Map<number, Set<unknown>>();
  for (const line of member.logLines()) {
    if (line.msg === 'voted' && typeof line['term'] === 'number') {
      votes.set(line['term'], (votes.get(line['term']) ?? new Set()).add(line['candidate']));
    }
  }
  return votes;
}

test('never two leaders in a term, and never two votes of a member', async () => {
  await using cluster = await TestCluster.start({ members: 5 });
  const claims = new Map<number, Set<bigint>>();
  for (let round = 0; round < 6; round += 1) {
    const leader = await cluster.leader();
    if (round % 2 === 0) {
      await leader.kill();
    } else {
      leader.pause();
    }
    const others = cluster.running.filter((member) => member !== leader);
    const [other] = others;
    assert(other !== undefined);
    await cluster.onlyThrough(other, (client) => putUntilAcknowledged(client, 'round', String(round)));
    for (const member of others) {
      const { term, leader: claimed } = await cluster.status(member);
      if (claimed !== 0n) {
        claims.set(term, (claims.get(term) ?? new Set()).add(claimed));
      }
    }
    if (round % 2 === 0) {
      leader.start();
    } else {
      leader.resume();
    }
  }
  await cluster.leader();
  const leaders = leadersByTerm(cluster.members);
  assert(leaders.size >= 4, `too few elections to show anything: ${leaders.size}`);
  for (const [term, names] of [...leaders, ...claims]) {
    assert.equal(names.size, 1, `two leaders in term ${term}: ${[...names].join(', ')}`);
  }
  for (const member of cluster.members) {
    for (const [term, candidates] of votesByTerm(member)) {
      assert.equal(candidates.size, 1, `${member.name} voted twice in term ${term}`);
    }
  }
});

test('divergent uncommitted logs are overwritten', async () => {
  // A long election timeout: the leader goes on accepting writes for a while without its followers.
  await using cluster = await TestCluster.start({ flags: ['--election-timeout=5000'] });
  const { client } = cluster;
  await client.put('common', 'start');
  const old = await cluster.leader();
  const others = await cluster.followers();
  await Promise.all(others.map((other) => other.kill()));
  for (let number = 0; number < 3; number += 1) {
    await rejectsWithCode(client.put('diverged', `lost ${number}`, { timeoutMs: 500 }), 'unknown-outcome');
  }
  await old.kill();

  for (const other of others) {
    other.start();
  }
  await cluster.leader();
  await client.put('diverged', 'kept');
  old.start();
  const content = await cluster.agreedContent();
  await eventually('the old leader has the new content', async () => {
    assert.equal(await cluster.readLocally(old, 'diverged'), 'kept');
  });
  assert.equal(content.length, 2);
  const overwritten = old.logLines().filter((line) => line.msg.includes('overwritten'));
  assert.equal(overwritten.length, 1, 'the old leader says that it dropped what was not committed');
});

test('concurrent vote requests get one vote, also across a crash', async () => {
  await using cluster = await TestCluster.prepare();
  const [voter, ...others] = cluster.members;
  assert(voter !== undefined);
  voter.start();
  const { clusterId, memberId } = await eventually('the voter answers', () => cluster.status(voter));
  const listed = await cluster.onlyThrough(voter, (client) => client.members({ serializable: true }));
  const candidates = await Promise.all(
    others.map(({ plan: { peerPort } }) => {
      const self = listed.find(({ peerUrls }) => peerUrls.includes(`http://127.0.0.1:${peerPort}`))?.id;
      assert(self !== undefined);
      return FakePeer.listen({
        clusterId,
        self,
        port: peerPort,
        member: { id: memberId, port: voter.plan.peerPort },
      });
    }),
  );
  try {
    await Promise.all(candidates.map((candidate) => candidate.connect()));
    for (let term = 100; term < 120; term += 1) {
      const votes = await Promise.all(candidates.map((candidate) => candidate.requestVote(term)));
      assert.equal(votes.filter((granted) => granted).length, 1, `one vote in term ${term}`);
      if (term % 5 === 0) {
        await voter.kill();
        for (const candidate of candidates) {
          candidate.disconnect();
        }
        voter.start();
        await Promise.all(candidates.map((candidate) => candidate.connect()));
        const again = await Promise.all(candidates.map((candidate) => candidate.requestVote(term)));
        assert.deepEqual(again, votes, `the same vote in term ${term} after a crash`);
      }
    }
  } finally {
    await Promise.all(candidates.map((candidate) => candidate[Symbol.asyncDispose]()));
  }
});
