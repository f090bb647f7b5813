import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peer as wire } from '@quorate/protocol';
import {
  type Configuration,
  type Entry,
  type Message,
  type RefusalReason,
  toLogIndex,
  toMemberId,
  toTerm,
} from '@quorate/raft';
import fc from 'fast-check';
import { MalformedFrame } from './frame.ts';
import { decodeBatch, encodeBatch } from './message-codec.ts';

/** Records as the codec makes them: fast-check would also try objects without a prototype. */
function plain<Fields>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }): fc.Arbitrary<Fields> {
  return fc.record(fields, { noNullPrototype: true });
}

const from = toMemberId(1n);
const to = toMemberId(0xffff_ffff_ffff_fff0n);

const term = fc.maxSafeNat().map(toTerm);
const index = fc.maxSafeNat().map(toLogIndex);
const memberId = fc.bigInt({ min: 1n, max: 0xffff_ffff_ffff_ffffn }).map(toMemberId);
const memberIds = fc.array(memberId, { maxLength: 5 });
const data = fc.uint8Array({ maxLength: 300 });
const id = fc.maxSafeNat();
const reason = fc.constantFrom<RefusalReason>(
  'no-leader',
  'not-leader',
  'uncommitted-limit',
  'read-limit',
  'transferring',
  'configuration-change',
);
const configuration: fc.Arbitrary<Configuration> = plain({
  voters: memberIds,
  outgoingVoters: memberIds,
  learners: memberIds,
  learnersNext: memberIds,
  addresses: fc.array(
    fc.record(
      {
        id: memberId,
        name: fc.string(),
        peerUrls: fc.array(fc.webUrl()),
        becomesVoter: fc.constant(true as const),
      },
      { noNullPrototype: true, requiredKeys: ['id', 'name', 'peerUrls'] },
    ),
  ),
});

const envelope = { from: fc.constant(from), to: fc.constant(to), term };

function message<Type extends Message['type']>(
  type: Type,
  fields: {
    [Field in keyof Omit<Extract<Message, { type: Type }>, 'from' | 'to' | 'term' | 'type'>]: fc.Arbitrary<
      Extract<Message, { type: Type }>[Field]
    >;
  },
): fc.Arbitrary<Message> {
  return plain({ type: fc.constant(type), ...envelope, ...fields }) as unknown as fc.Arbitrary<Message>;
}

const append = plain({
  previousIndex: fc.nat().map(toLogIndex),
  contents: fc.array(
    fc.oneof(
      plain({ kind: fc.constant('no-op' as const), term }),
      plain({ kind: fc.constant('command' as const), term, data }),
      plain({ kind: fc.constant('configuration' as const), term, configuration }),
    ),
  ),
  term,
  previousTerm: term,
  commit: index,
}).map(({ contents, ...fields }): Message => {
  const entries = contents.map((content, offset): Entry => {
    return { ...content, index: toLogIndex(fields.previousIndex + 1 + offset) };
  });
  return { type: 'append-request', from, to, ...fields, entries };
});

const anyMessage = fc.oneof(
  append,
  message('pre-vote-request', { lastIndex: index, lastTerm: term }),
  message('pre-vote-response', { granted: fc.boolean() }),
  message('vote-request', { lastIndex: index, lastTerm: term, leadershipTransfer: fc.boolean() }),
  message('vote-response', { granted: fc.boolean() }),
  message('append-response', {
    result: fc.oneof(
      plain({ kind: fc.constant('matched' as const), matchIndex: index }),
      plain({
        kind: fc.constant('rejected' as const),
        previousIndex: index,
        hintIndex: index,
        hintTerm: term,
      }),
    ),
  }),
  message('heartbeat-request', { commit: index, round: id }),
  message('heartbeat-response', { round: id }),
  message('snapshot-request', { snapshot: plain({ index, term, configuration }) }),
  message('snapshot-response', { matchIndex: index }),
  message('timeout-now', {}),
  message('forwarded-proposals', { proposals: fc.array(plain({ id, data })) }),
  message('proposals-refused', { ids: fc.array(id), reason }),
  message('forwarded-read', { id }),
  message('forwarded-read-response', { id, index }),
  message('forwarded-read-refused', { id, reason }),
);

test('whatever members say arrives as it was said', () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 5 }), (messages) => {
      assert.deepEqual(decodeBatch(encodeBatch(messages), from, to), messages);
    }),
    { numRuns: 500 },
  );
});

test('no bytes crash the decoder: they decode or are malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeBatch(bytes, from, to);
      } catch (error) {
        assert.ok(error instanceof MalformedFrame, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

const incomplete: readonly [string, wire.Message, RegExp][] = [
  ['no body', { term: 1, body: undefined }, /has no body/],
  [
    'no result',
    { term: 1, body: { $case: 'appendResponse', appendResponse: { result: undefined } } },
    /no result/,
  ],
  [
    'no snapshot',
    { term: 1, body: { $case: 'snapshotRequest', snapshotRequest: { snapshot: undefined } } },
    /does not describe/,
  ],
  [
    'no reason',
    { term: 1, body: { $case: 'proposalsRefused', proposalsRefused: { ids: [], reason: 0 } } },
    /unknown reason 0/,
  ],
];

for (const [what, body, complaint] of incomplete) {
  test(`a message with ${what} is malformed`, () => {
    assert.throws(() => decodeBatch(wire.Batch.encode({ messages: [body] }).finish(), from, to), complaint);
  });
}

test('a member id of 0 is malformed', () => {
  const address = { id: 0n, name: 'n0', peerUrls: [], becomesVoter: false };
  const nobody = { voters: [], outgoingVoters: [], learners: [], learnersNext: [], addresses: [address] };
  const snapshot = { index: 1, term: 1, configuration: nobody };
  const body = { $case: 'snapshotRequest' as const, snapshotRequest: { snapshot } };
  const bytes = wire.Batch.encode({ messages: [{ term: 1, body }] }).finish();
  assert.throws(() => decodeBatch(bytes, from, to), MalformedFrame);
});
