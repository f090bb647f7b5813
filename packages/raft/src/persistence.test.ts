import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configuration, foundingLog, memberId, restoredLog } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';
import type { Output } from './output.ts';

describe('what goes to disk', () => {
  test('a vote and its term, before the answer', () => {
    const member = SoloMember.inCluster(3);
    const output = member.requestVote(2, { term: 5 });
    assert.deepEqual(output.persist, {
      batch: 1,
      hardState: { term: 5, vote: memberId(2), commit: 0 },
      entries: [],
      sync: true,
    });
    assert.equal(output.messages.length, 0);
    assert.equal(output.messagesAfterPersist[0]?.type, 'vote-response');
  });

  test('nothing, if nothing changed', () => {
    const member = SoloMember.inCluster(3);
    assert.equal(member.give({ type: 'tick' }).persist, null);
  });

  test('batches count up by one', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    const first = member.propose('a').persist?.batch ?? 0;
    assert.equal(member.propose('b').persist?.batch, first + 1);
  });

  test('the commit index as a hint: with entries, or at a tick, and then without need of an fsync', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    assert.equal(member.core.commit, 2);
    const withEntries = member.propose('a').persist;
    assert.deepEqual(withEntries?.hardState, { term: 2, vote: memberId(1), commit: 2 });
    member.persist();
    assert.equal(member.acknowledge(2, 3).persist, null);
    const atTick = member.give({ type: 'tick' }).persist;
    assert.deepEqual(atTick, {
      batch: (withEntries?.batch ?? 0) + 1,
      hardState: { term: 2, vote: memberId(1), commit: 3 },
      entries: [],
      sync: false,
    });
  });

  test('a commit index never beyond what is durable here', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.acknowledge(2, 3);
    member.acknowledge(3, 3);
    assert.equal(member.core.commit, 3);
    assert.equal(member.give({ type: 'tick' }).persist, null);
    member.persist();
    assert.equal(member.give({ type: 'tick' }).persist?.hardState?.commit, 3);
  });

  test("a founding member's term, if its log is ahead of what was persisted", () => {
    const restored = restoredLog(foundingLog(configuration({ voters: [1, 2, 3] })), 0);
    const member = new SoloMember(restored);
    assert.equal(member.term, 1);
    assert.equal(member.give({ type: 'tick' }).persist?.hardState?.term, 1);
  });
});

describe('what counts as durable', () => {
  test('what a batch wrote, when it and all before it are on disk', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.receiveAppend(2, { term: 2, after: [1, 1], entries: [2] });
    const second = member.receiveAppend(2, { term: 2, after: [2, 2], entries: [2] });
    assert.equal(durable(member), 1);
    member.give({ type: 'persisted', batch: batchOf(second) });
    assert.equal(durable(member), 3);
  });

  test('not the entries that replaced what an old batch wrote', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    const old = member.receiveAppend(2, { term: 2, after: [1, 1], entries: [2, 2, 2] });
    const overwriting = member.receiveAppend(3, { term: 3, after: [2, 2], entries: [3, 3, 3] });
    member.give({ type: 'persisted', batch: batchOf(old) });
    assert.equal(durable(member), 2);
    member.give({ type: 'persisted', batch: batchOf(overwriting) });
    assert.equal(durable(member), 5);
  });

  test('what was durable and is overwritten is not, until the new entries are written', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.receiveAppend(2, { term: 2, after: [1, 1], entries: [2, 2, 2] });
    member.persist();
    assert.equal(durable(member), 4);
    member.receiveAppend(3, { term: 3, after: [2, 2], entries: [3] });
    assert.equal(durable(member), 2);
  });

  test('a batch that was never handed out cannot be persisted', () => {
    const member = SoloMember.inCluster(3);
    assert.throws(() => member.give({ type: 'persisted', batch: 1 }), /handed out/);
  });
});

function durable(member: SoloMember): number {
  return member.core.status().durableIndex;
}

function batchOf(output: Output): number {
  return output.persist?.batch ?? 0;
}
