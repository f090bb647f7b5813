import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LogRead } from './input.ts';
import type { Output } from './output.ts';
import { replicationPreset } from './presets.ts';
import type { PeerStatus } from './status.ts';
import { command, index, memberId } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

const pipelined = replicationPreset('pipelined');

describe('a peer that the leader probes', () => {
  test('gets one append, and nothing more until it answers', () => {
    const member = SoloMember.inCluster(3);
    member.lead();
    assert.equal(member.sentTo(2, 'append-request').length, 1);
    member.propose('a');
    member.propose('b');
    assert.equal(member.sentTo(2, 'append-request').length, 1);
    member.acknowledge(2, 2);
    const [, next, ...more] = member.sentTo(2, 'append-request');
    assert.deepEqual(entriesOf(next), [3, 4]);
    assert.deepEqual(more, []);
  });

  test('is asked again when it answers a heartbeat instead', () => {
    const member = SoloMember.inCluster(3);
    member.lead();
    member.forget();
    member.answerHeartbeat(2, 1);
    assert.equal(member.sentTo(2, 'append-request').length, 0, 'the append may still be under way');
    member.tick();
    member.answerHeartbeat(2, 2);
    assert.equal(member.sentTo(2, 'append-request').length, 1);
  });

  test('is probed where its hint says, skipping whole terms (end of section 5.3)', () => {
    const member = SoloMember.inCluster(3, [1, 4, 4, 5, 5, 6]);
    member.lead();
    member.forget();
    reject(member, 2, { previous: 7, hint: [7, 3] });
    const [probe] = member.sentTo(2, 'append-request');
    assert.equal(probe?.previousIndex, 2);
    assert.deepEqual(entriesOf(probe), [3, 4, 5, 6, 7, 8]);
  });

  test('is not moved by a rejection of an earlier probe', () => {
    const member = SoloMember.inCluster(3, [1, 1, 1, 1]);
    member.lead();
    reject(member, 2, { previous: 5, hint: [3, 1] });
    member.forget();
    reject(member, 2, { previous: 5, hint: [1, 1] });
    assert.deepEqual(member.sent, []);
    assert.equal(peer(member, 2).next, 4);
  });
});

describe('a peer that the leader replicates to', () => {
  test('is sent entries without waiting, until its window is full of messages', () => {
    const member = SoloMember.inCluster(3, [], { replication: { ...pipelined, inflightMaxMessages: 2 } });
    member.leadUnopposed();
    for (const text of ['a', 'b', 'c', 'd']) {
      member.propose(text);
    }
    assert.deepEqual(member.sentTo(2, 'append-request').map(entriesOf), [[3], [4]]);
    member.acknowledge(2, 3);
    assert.deepEqual(member.sentTo(2, 'append-request').map(entriesOf), [[3], [4], [5, 6]]);
  });

  test('or full of bytes', () => {
    const member = SoloMember.inCluster(3, [], { replication: { ...pipelined, inflightMaxBytes: 50 } });
    member.leadUnopposed();
    member.propose('0123456789');
    member.propose('0123456789');
    assert.equal(member.sentTo(2, 'append-request').length, 2);
    member.propose('0123456789');
    assert.equal(member.sentTo(2, 'append-request').length, 2);
    assert.equal(peer(member, 2).inflightBytes, 84);
  });

  test('gets as much in one append as is allowed, and one large entry in any case', () => {
    const replication = { ...pipelined, appendMaxBytes: 100, appendMaxEntries: 2 };
    const member = SoloMember.inCluster(3, [], { replication });
    member.leadUnopposed();
    member.propose('a', 'b', 'c', 'x'.repeat(200), 'd');
    assert.deepEqual(member.sentTo(2, 'append-request').map(entriesOf), [[3, 4], [5], [6], [7]]);
  });

  test('learns at once what is committed, even with nothing else to say', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.persist();
    member.forget();
    member.acknowledge(2, 3);
    for (const number of [2, 3]) {
      const [append, ...more] = member.sentTo(number, 'append-request');
      assert.deepEqual([entriesOf(append), append?.commit, more.length], [[], 3, 0]);
    }
  });

  test('is probed when it rejects, because something was lost', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.propose('b');
    member.forget();
    reject(member, 2, { previous: 3, hint: [2, 2] });
    assert.equal(peer(member, 2).state, 'probe');
    assert.deepEqual(member.sentTo(2, 'append-request').map(entriesOf), [[3, 4]]);
  });

  test('ignores a rejection of what it has acknowledged since', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    reject(member, 2, { previous: 1, hint: [1, 1] });
    assert.equal(peer(member, 2).state, 'replicate');
  });

  test('is asked what became of unanswered appends, once per heartbeat', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.tick();
    member.forget();
    member.answerHeartbeat(2, 2);
    member.answerHeartbeat(2, 2);
    const [question, ...more] = member.sentTo(2, 'append-request');
    assert.deepEqual([question?.previousIndex, entriesOf(question), more.length], [3, [], 0]);
  });

  test('is not asked if it has answered something in the meantime', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.propose('a');
    member.propose('b');
    member.tick();
    member.acknowledge(2, 3);
    member.forget();
    member.answerHeartbeat(2, 2);
    assert.deepEqual(member.sentTo(2, 'append-request'), []);
  });

  test('is probed after the transport reports a loss or a closed connection, when it answers again', () => {
    for (const type of ['peer-unreachable', 'peer-closed'] as const) {
      const member = SoloMember.inCluster(3);
      member.leadUnopposed();
      member.give({ type, peer: memberId(2) });
      member.propose('a');
      assert.deepEqual(member.sentTo(2, 'append-request'), []);
      assert.equal(member.core.role, 'leader');
      member.answerHeartbeat(2, 1);
      assert.deepEqual(member.sentTo(2, 'append-request').map(entriesOf), [[3]]);
    }
  });

  test('can never match more than there is', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    assert.throws(() => member.acknowledge(2, 9), /cannot match/);
  });
});

describe('entries that have left memory', () => {
  test('are read from storage, once, and sent if they still fit', () => {
    const { member, read } = leaderOfAForgottenLog();
    assert.deepEqual(read, {
      purpose: { kind: 'replicate', peer: memberId(2) },
      first: 2,
      last: 4,
      maxBytes: pipelined.appendMaxBytes,
    });
    member.tick();
    member.answerHeartbeat(2, 2);
    assert.deepEqual(member.sentTo(2, 'append-request'), [], 'the read is under way');
    member.give({ type: 'log-read', read, entries: [command(2, 1), command(3, 1)] });
    assert.deepEqual(member.sentTo(2, 'append-request').map(entriesOf), [[2, 3]]);
  });

  test('are asked for only as far as they have left memory: the rest may not be on disk yet', () => {
    const member = SoloMember.inCluster(3, [1, 1], { logCacheMaxBytes: 0 });
    member.lead();
    member.acknowledge(3, 4);
    member.propose('not written yet');
    const { logReads } = reject(member, 2, { previous: 3, hint: [1, 1] });
    assert.deepEqual(
      logReads.map(({ first, last }) => [first, last]),
      [[2, 4]],
    );
  });

  test('are not sent if the peer has moved on', () => {
    const { member, read } = leaderOfAForgottenLog();
    member.acknowledge(2, 4);
    member.forget();
    member.give({ type: 'log-read', read, entries: [command(2, 1)] });
    assert.deepEqual(member.sentTo(2, 'append-request'), []);
  });

  test('are not sent if they are not what the log holds now', () => {
    const { member, read } = leaderOfAForgottenLog();
    const again = member.give({
      type: 'log-read',
      read,
      entries: [{ ...command(2, 1), term: command(2, 7).term }],
    });
    assert.deepEqual(member.sentTo(2, 'append-request'), []);
    assert.deepEqual(again.logReads, [read]);
  });

  /** n2 needs entry 2; only the newest entries are in memory. */
  function leaderOfAForgottenLog(): { member: SoloMember; read: LogRead } {
    const member = SoloMember.inCluster(3, [1, 1], { logCacheMaxBytes: 0 });
    member.lead();
    member.acknowledge(3, 4);
    member.forget();
    const output = reject(member, 2, { previous: 3, hint: [1, 1] });
    const [read, ...more] = output.logReads;
    assert(read !== undefined && more.length === 0);
    return { member, read };
  }
});

describe('the vanilla preset (figure 2)', () => {
  test('sends an entry only when it is durable here, one per message, one message at a time', () => {
    const member = SoloMember.inCluster(3, [], { replication: replicationPreset('vanilla') });
    member.leadUnopposed();
    member.propose('a', 'b');
    assert.deepEqual(member.sent, []);
    member.persist();
    assert.deepEqual(member.sentTo(2, 'append-request').map(entriesOf), [[3]]);
    member.acknowledge(2, 3);
    assert.deepEqual(member.sentTo(2, 'append-request').map(entriesOf), [[3], [4]]);
  });
});

function entriesOf(
  append: { readonly entries: readonly { readonly index: number }[] } | undefined,
): number[] {
  return append?.entries.map((entry) => entry.index) ?? [];
}

function peer(member: SoloMember, number: number): PeerStatus {
  const found = member.core.status().peers.find(({ id }) => id === memberId(number));
  assert(found !== undefined);
  return found;
}

function reject(
  member: SoloMember,
  from: number,
  { previous, hint }: { readonly previous: number; readonly hint: readonly [number, number] },
): Output {
  return member.receive(from, {
    type: 'append-response',
    term: member.term,
    result: {
      kind: 'rejected',
      previousIndex: index(previous),
      hintIndex: index(hint[0]),
      hintTerm: command(1, hint[1]).term,
    },
  });
}
