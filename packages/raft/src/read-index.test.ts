import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { index, memberId } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

describe('a read at the leader', () => {
  test('waits for a round of heartbeats that was sent after it came', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.answerHeartbeat(2, 1);
    const output = member.give({ type: 'read', id: 7 });
    assert.deepEqual(
      output.messages.map((message) => message.type === 'heartbeat-request' && message.round),
      [2, 2],
    );
    member.answerHeartbeat(3, 1);
    assert.deepEqual(member.readsReady, []);
    member.answerHeartbeat(3, 2);
    assert.deepEqual(member.readsReady, [{ id: 7, index: 2 }]);
  });

  test('shares the next round with all that come while one is under way', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.answerHeartbeat(2, 1);
    member.give({ type: 'read', id: 1 });
    member.forget();
    member.give({ type: 'read', id: 2 });
    member.give({ type: 'read', id: 3 });
    assert.deepEqual(member.sent, []);
    member.answerHeartbeat(2, 2);
    assert.equal(member.sentTo(3, 'heartbeat-request').length, 1);
    member.answerHeartbeat(2, 3);
    assert.deepEqual(
      member.readsReady.map(({ id }) => id),
      [1, 2, 3],
    );
  });

  test('goes with the heartbeats of the clock, if its round got lost', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({ type: 'read', id: 1 });
    member.tick();
    member.answerHeartbeat(3, 2);
    assert.deepEqual(member.readsReady, [{ id: 1, index: 2 }]);
  });

  test('waits until an entry of the own term is committed (section 6.4, step 1)', () => {
    const member = SoloMember.inCluster(3);
    member.lead();
    member.give({ type: 'read', id: 1 });
    member.tick();
    member.answerHeartbeat(2, 2);
    assert.deepEqual(member.readsReady, []);
    member.acknowledge(2, 2);
    member.answerHeartbeat(2, 3);
    assert.deepEqual(member.readsReady, [{ id: 1, index: 2 }]);
  });

  test('is refused when the leader steps down', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.give({ type: 'read', id: 1 });
    member.give({ type: 'read', id: 2 });
    member.follow(2, 3);
    assert.deepEqual(member.readsRefused, [
      { id: 1, reason: 'not-leader' },
      { id: 2, reason: 'not-leader' },
    ]);
    assert.deepEqual(member.readsReady, []);
  });

  test('is ready at once in a cluster of one', () => {
    const member = SoloMember.inCluster(1);
    member.lead();
    assert.deepEqual(member.give({ type: 'read', id: 1 }).readsReady, [{ id: 1, index: 2 }]);
  });

  test('is refused when too many wait', () => {
    const member = SoloMember.inCluster(3, [], { pendingReadsMax: 2 });
    member.leadUnopposed();
    for (const id of [1, 2, 3]) {
      member.give({ type: 'read', id });
    }
    assert.deepEqual(member.readsRefused, [{ id: 3, reason: 'read-limit' }]);
    member.tick();
    member.answerHeartbeat(2, 2);
    assert.equal(member.readsReady.length, 2);
    member.give({ type: 'read', id: 4 });
    assert.equal(member.readsRefused.length, 1);
  });
});

describe('a read at a follower', () => {
  test('asks the leader, and is answered under its own number', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.give({ type: 'read', id: 7 });
    const [forwarded] = member.sentTo(2, 'forwarded-read');
    assert(forwarded !== undefined);
    const answer = {
      type: 'forwarded-read-response',
      term: member.term,
      id: forwarded.id,
      index: index(5),
    } as const;
    assert.deepEqual(member.receive(2, answer).readsReady, [{ id: 7, index: 5 }]);
    assert.deepEqual(member.receive(2, answer).readsReady, [], 'once');
  });

  test('is not answered by a response to a read of an earlier life', () => {
    const asked = [1, 2].map((life) => {
      const member = SoloMember.inCluster(3, [], { random: (bound) => Math.floor((bound * life) / 3) });
      member.follow(2, 2);
      member.give({ type: 'read', id: 7 });
      return member.sentTo(2, 'forwarded-read')[0]?.id;
    });
    assert.notEqual(asked[0], asked[1]);
  });

  test('is refused as the leader refused it', () => {
    const member = SoloMember.inCluster(3);
    member.follow(2, 2);
    member.give({ type: 'read', id: 7 });
    const id = member.sentTo(2, 'forwarded-read')[0]?.id ?? -1;
    const refusal = { type: 'forwarded-read-refused', term: member.term, id, reason: 'not-leader' } as const;
    assert.deepEqual(member.receive(2, refusal).readsRefused, [{ id: 7, reason: 'not-leader' }]);
  });

  test('is refused when the leader changes, and when no answer comes', () => {
    const member = SoloMember.inCluster(3, [], { random: () => 9 });
    member.follow(2, 2);
    member.give({ type: 'read', id: 1 });
    member.follow(3, 3);
    assert.deepEqual(member.readsRefused, [{ id: 1, reason: 'no-leader' }]);
    member.give({ type: 'read', id: 2 });
    member.tick(11);
    assert.deepEqual(member.readsRefused[1], { id: 2, reason: 'no-leader' });
  });

  test('is refused without a leader, and when too many wait', () => {
    const member = SoloMember.inCluster(3, [], { pendingReadsMax: 1 });
    member.give({ type: 'read', id: 1 });
    member.follow(2, 2);
    member.give({ type: 'read', id: 2 });
    member.give({ type: 'read', id: 3 });
    assert.deepEqual(member.readsRefused, [
      { id: 1, reason: 'no-leader' },
      { id: 3, reason: 'read-limit' },
    ]);
  });
});

describe("a follower's read at the leader", () => {
  test('is answered after the round, like any other', () => {
    const member = SoloMember.inCluster(3);
    member.leadUnopposed();
    member.answerHeartbeat(2, 1);
    member.receive(3, { type: 'forwarded-read', term: member.term, id: 11 });
    assert.deepEqual(member.sentTo(3, 'forwarded-read-response'), []);
    member.answerHeartbeat(2, 2);
    assert.deepEqual(member.sentTo(3, 'forwarded-read-response'), [
      {
        type: 'forwarded-read-response',
        from: memberId(1),
        to: memberId(3),
        term: 2,
        id: 11,
        index: 2,
      },
    ]);
  });

  test('is refused by a member that does not lead, and by one that stops leading', () => {
    const member = SoloMember.inCluster(3);
    member.receive(3, { type: 'forwarded-read', term: member.term, id: 1 });
    member.lead();
    member.receive(3, { type: 'forwarded-read', term: member.term, id: 2 });
    member.follow(2, 3);
    assert.deepEqual(
      member.sentTo(3, 'forwarded-read-refused').map(({ id, reason }) => [id, reason]),
      [
        [1, 'not-leader'],
        [2, 'not-leader'],
      ],
    );
  });
});
