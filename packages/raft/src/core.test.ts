import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RaftCore } from './core.ts';
import type { Input } from './input.ts';
import type { Message } from './message.ts';
import { defaultRaftOptions } from './presets.ts';
import { cloneState } from './state.ts';
import {
  bytesOf,
  configuration,
  foundingLog,
  index,
  memberId,
  restoredLog,
  term,
} from './testing/builders.ts';

const options = defaultRaftOptions({
  id: memberId(1),
  electionTimeoutMs: 1000,
  random: (bound) => bound >> 1,
});
const restored = restoredLog(foundingLog(configuration({ voters: [1, 2, 3] })));

/** An election, two commands, a read and a transfer, as n1 lives through them. */
const life: readonly Input[] = [
  { type: 'campaign' },
  received({ ...envelope(2, 2), type: 'pre-vote-response', granted: true }),
  { type: 'persisted', batch: 1 },
  received({ ...envelope(2, 2), type: 'vote-response', granted: true }),
  { type: 'propose', proposals: [{ id: 1, data: bytesOf('a') }] },
  { type: 'persisted', batch: 3 },
  received({ ...envelope(2, 2), type: 'append-response', result: { kind: 'matched', matchIndex: index(2) } }),
  { type: 'read', id: 7 },
  { type: 'tick' },
  received({ ...envelope(2, 2), type: 'heartbeat-response', round: 2 }),
  received({ ...envelope(2, 2), type: 'append-response', result: { kind: 'matched', matchIndex: index(3) } }),
  { type: 'applied', index: index(3) },
  { type: 'transfer-leadership', to: memberId(2) },
];

describe('the core', () => {
  test('is deterministic: the same inputs give the same outputs', () => {
    const outputs = [1, 2].map(() => {
      const core = RaftCore.create(options, restored);
      return life.map((input, position) => core.step(input, position));
    });
    assert.deepEqual(outputs[0], outputs[1]);
  });

  test('goes on from a copy of its state as if nothing had happened', () => {
    const original = RaftCore.create(options, restored);
    for (const [position, input] of life.entries()) {
      const copy = RaftCore.resume(options, cloneState(original.state));
      assert.deepEqual(copy.step(input, position), original.step(input, position));
      assert.deepEqual(copy.status(), original.status());
    }
    assert.equal(original.commit, 3);
  });

  test('gives outputs that later steps do not change', () => {
    const core = RaftCore.create(options, restored);
    const outputs = life.map((input, position) => core.step(input, position));
    const copies = structuredClone(outputs);
    core.step({ type: 'propose', proposals: [{ id: 2, data: bytesOf('b') }] }, 99);
    core.step({ type: 'tick' }, 100);
    assert.deepEqual(outputs, copies);
  });

  test('tells a change of the leader once per step', () => {
    const core = RaftCore.create(options, restored);
    const changes = life
      .flatMap((input) => core.step(input, 0).events)
      .filter(({ type }) => type === 'leader-changed');
    assert.deepEqual(changes, [{ type: 'leader-changed', term: 2, leader: memberId(1) }]);
    assert.deepEqual([core.role, core.term, core.leader], ['leader', 2, memberId(1)]);
  });
});

function envelope(from: number, ofTerm: number) {
  return { from: memberId(from), to: memberId(1), term: term(ofTerm) };
}

function received(message: Message): Input {
  return { type: 'message', message };
}
