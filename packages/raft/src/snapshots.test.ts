import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SnapshotDescription } from './entry.ts';
import type { PeerStatus } from './status.ts';
import { configuration, foundingLog, index, memberId, restoredLog, term } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

const founders = configuration({ voters: [1, 2, 3] });

describe('a leader whose log has lost its beginning (section 7)', () => {
  test('offers a snapshot to a peer that needs what is gone, and sends it nothing else', () => {
    const member = leaderWithoutBeginning();
    assert.equal(peer(member).state, 'snapshot');
    assert.equal(member.sentTo(2, 'snapshot-request').length, 1);
    member.forget();
    member.propose('a');
    member.tick();
    member.answerHeartbeat(2, 2);
    assert.deepEqual(member.sentTo(2, 'append-request'), []);
    assert.deepEqual(member.sentTo(2, 'snapshot-request'), []);
  });

  test('goes on after it when the peer has installed it', () => {
    const member = leaderWithoutBeginning();
    member.receive(2, { type: 'snapshot-response', term: member.term, matchIndex: index(4) });
    assert.deepEqual([peer(member).state, peer(member).match, peer(member).next], ['replicate', 4, 6]);
    assert.equal(member.sentTo(2, 'append-request').at(-1)?.previousIndex, 4);
  });

  test('probes after a transfer that was delivered, and offers again after one that failed', () => {
    const delivered = leaderWithoutBeginning();
    delivered.give({ type: 'snapshot-sent', peer: memberId(2), delivered: true });
    assert.deepEqual([peer(delivered).state, peer(delivered).next], ['probe', 5]);

    const failed = leaderWithoutBeginning();
    failed.give({ type: 'snapshot-sent', peer: memberId(2), delivered: false });
    failed.forget();
    failed.tick();
    assert.deepEqual(failed.sentTo(2, 'snapshot-request'), [], 'not before it is heard from');
    failed.answerHeartbeat(2, 2);
    assert.equal(failed.sentTo(2, 'snapshot-request').length, 1);
  });

  test('replicates again if the peer caught up some other way', () => {
    const member = leaderWithoutBeginning();
    member.acknowledge(2, 4);
    assert.equal(peer(member).state, 'replicate');
  });

  test('keeps what was not applied', () => {
    const member = SoloMember.inCluster(3, [1]);
    const snapshot = { index: index(2), term: term(1), configuration: founders };
    const compact = { type: 'compact', snapshot, through: index(2) } as const;
    assert.throws(() => member.give(compact), /only what was applied/);
  });

  test('keeps the configuration that its log starts with', () => {
    const member = leaderWithoutBeginning();
    assert.equal(member.core.status().firstIndex, 5);
    assert.deepEqual(member.core.status().configuration, founders);
  });

  /** n2 has only the founding entry; n1 has five and has dropped four of them. */
  function leaderWithoutBeginning(): SoloMember {
    const member = SoloMember.inCluster(3, [1, 1, 1]);
    member.lead();
    member.acknowledge(3, 5);
    member.give({ type: 'applied', index: index(5) });
    const snapshot = { index: index(4), term: term(1), configuration: founders };
    member.give({ type: 'compact', snapshot, through: index(4) });
    member.receive(2, {
      type: 'append-response',
      term: member.term,
      result: { kind: 'rejected', previousIndex: index(4), hintIndex: index(1), hintTerm: term(1) },
    });
    return member;
  }
});

describe('a follower that is offered a snapshot', () => {
  const larger = configuration({ voters: [1, 2, 3, 4] });
  const snapshot: SnapshotDescription = { index: index(10), term: term(2), configuration: larger };

  test('asks its caller to fetch it, and goes on meanwhile', () => {
    const member = SoloMember.inCluster(3, [1]);
    const output = offer(member, snapshot);
    assert.deepEqual(output.snapshotToInstall, { from: memberId(2), snapshot });
    member.receiveAppend(2, { term: 2, after: [2, 1], commit: 2 });
    assert.equal(member.applied.at(-1)?.index, 2);
  });

  test('applies, appends and campaigns nothing while it installs it', () => {
    const member = SoloMember.inCluster(3, [1]);
    offer(member, snapshot);
    member.give({ type: 'snapshot-installing', snapshot });
    member.receiveAppend(2, { term: 2, after: [2, 1], entries: [2], commit: 2 });
    member.give({ type: 'campaign' });
    assert.deepEqual([member.applied, member.lastIndex, member.core.role], [[], 2, 'follower']);
    assert.equal(offer(member, snapshot).snapshotToInstall, null, 'one at a time');
  });

  test('is not elected by votes that arrive while it installs it', () => {
    const member = SoloMember.inCluster(3, [1]);
    offer(member, snapshot);
    member.give({ type: 'peer-closed', peer: memberId(2) });
    member.give({ type: 'campaign' });
    assert.equal(member.core.role, 'pre-candidate');
    member.give({ type: 'snapshot-installing', snapshot });
    assert.equal(member.core.role, 'follower');
  });

  test('has no need of it when it leads, or has its entries', () => {
    const member = SoloMember.inCluster(3, [1, 1]);
    member.follow(2, 2);
    const older = { ...snapshot, index: index(1), term: term(1) };
    assert.equal(member.core.needsSnapshot(snapshot), true);
    assert.equal(member.core.needsSnapshot(older), false);
    assert.equal(member.core.needsSnapshot({ ...snapshot, index: index(3), term: term(1) }), false);
    member.lead();
    assert.equal(member.core.needsSnapshot(snapshot), false);
    assert.throws(() => member.give({ type: 'snapshot-installing', snapshot }), /who needs it/);
  });

  test('takes none whose last entry is of a term that it has not heard of', () => {
    const member = SoloMember.inCluster(3, [1]);
    offer(member, snapshot);
    assert.equal(member.core.needsSnapshot({ ...snapshot, term: term(2) }), true);
    assert.equal(member.core.needsSnapshot({ ...snapshot, term: term(3) }), false);
  });

  test('starts its log after it once it is installed, and says so to the leader', () => {
    const member = SoloMember.inCluster(3, [1]);
    offer(member, snapshot);
    member.persist();
    member.give({ type: 'snapshot-installing', snapshot });
    const output = member.give({ type: 'snapshot-installed', snapshot });
    const {
      firstIndex,
      lastIndex,
      commit,
      applied,
      durableIndex,
      configuration: inForce,
    } = member.core.status();
    assert.deepEqual([firstIndex, lastIndex, commit, applied, durableIndex], [11, 10, 10, 10, 10]);
    assert.deepEqual(inForce, larger);
    assert.deepEqual(
      output.messagesAfterPersist.map(
        (message) => message.type === 'snapshot-response' && message.matchIndex,
      ),
      [10],
    );
    member.receiveAppend(2, { term: 2, after: [10, 2], entries: [2] });
    assert.equal(member.lastIndex, 11);
  });

  test('needs none whose entries it has: it only learns that they are committed', () => {
    const member = SoloMember.inCluster(3, [1, 1]);
    const output = offer(member, { index: index(3), term: term(1), configuration: founders });
    assert.equal(output.snapshotToInstall, null);
    assert.equal(member.core.commit, 3);
    assert.equal(member.sentTo(2, 'snapshot-response')[0]?.matchIndex, 3);
  });

  test('may campaign while it fetches it, for its leader may be gone', () => {
    const member = SoloMember.inCluster(3, [1]);
    offer(member, snapshot);
    member.give({ type: 'campaign' });
    assert.equal(member.core.role, 'pre-candidate');
  });

  test('starts again from a snapshot and the rest of the log', () => {
    const rest = restoredLog(foundingLog(founders, [1, 1, 1]));
    const member = new SoloMember({
      ...rest,
      snapshot: { index: index(2), term: term(1), configuration: larger },
      configurations: [],
      firstIndex: index(3),
      termRuns: [{ term: term(1), firstIndex: index(3) }],
      entries: rest.entries.slice(2),
      applied: index(2),
    });
    const { commit, lastIndex, configuration: inForce } = member.core.status();
    assert.deepEqual([commit, lastIndex, inForce], [2, 4, larger]);
  });

  function offer(member: SoloMember, offered: SnapshotDescription) {
    return member.receive(2, { type: 'snapshot-request', term: term(2), snapshot: offered });
  }
});

function peer(member: SoloMember): PeerStatus {
  const found = member.core.status().peers.find(({ id }) => id === memberId(2));
  assert(found !== undefined);
  return found;
}
