import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toMemberId } from '@quorate/raft';
import type { PeerAnswer, PeerRequest } from '@quorate/replica';
import { decodeAnswer, decodeCall, encodeAnswer, encodeCall } from './call-codec.ts';
import { MalformedFrame } from './frame.ts';

const n1 = toMemberId(1n);
const n2 = toMemberId(2n);

/** One of each kind. */
const requests: readonly PeerRequest[] = [
  { type: 'ping' },
  { type: 'digest', firstPosition: 1, lastPosition: 2 ** 40, compactedRevision: 7 },
  {
    type: 'change-membership',
    changes: [
      { kind: 'add', name: 'n4', peerUrls: ['http://n4:2380'], becomesVoter: true },
      { kind: 'remove', id: n1 },
      { kind: 'update-peer-urls', id: n2, peerUrls: ['http://n2:2380', 'http://10.0.0.2:2380'] },
      { kind: 'promote', id: n2 },
    ],
  },
  { type: 'renew-lease', id: -7n },
  { type: 'lease-remaining', id: 2n ** 63n - 1n },
  { type: 'snapshot-open', index: 2 ** 40 },
  { type: 'snapshot-read', digest: 'ab12', offset: 2 ** 40, maxBytes: 4096 },
];
const answers: readonly PeerAnswer[] = [
  { ok: false, refusal: { code: 'not-leader', message: 'ask another member' } },
  { ok: true, response: { type: 'ping', wallMs: 1_767_225_600_123, version: '1.2.3' } },
  { ok: true, response: { type: 'digest', digest: { crc: 0xffff_ffff, records: 1024 } } },
  { ok: true, response: { type: 'digest', digest: null } },
  {
    ok: true,
    response: {
      type: 'change-membership',
      outcome: {
        added: [n2],
        configuration: {
          voters: [n1],
          outgoingVoters: [],
          learners: [n2],
          learnersNext: [],
          addresses: [
            { id: n1, name: 'n1', peerUrls: ['http://n1:2380'] },
            { id: n2, name: '', peerUrls: ['http://n2:2380'], becomesVoter: true },
          ],
        },
      },
    },
  },
  { ok: true, response: { type: 'renew-lease', ttlSeconds: 60 } },
  { ok: true, response: { type: 'lease-remaining', remainingMs: null } },
  { ok: true, response: { type: 'lease-remaining', remainingMs: 1500 } },
  {
    ok: true,
    response: { type: 'snapshot-open', index: 2 ** 40, term: 7, sizeBytes: 2 ** 41, digest: 'ab12' },
  },
  { ok: true, response: { type: 'snapshot-read', bytes: Uint8Array.of(1, 2, 3) } },
];

test('requests are decoded to what was encoded', () => {
  for (const [id, request] of requests.entries()) {
    assert.deepEqual(decodeCall(Buffer.from(encodeCall(id, request))), { id, request });
  }
});

test('answers are decoded to what was encoded', () => {
  for (const [id, answer] of answers.entries()) {
    assert.deepEqual(decodeAnswer(Buffer.from(encodeAnswer(id, answer))), { id, answer });
  }
});

test('what this release does not know is no request, and a refusal as an answer', () => {
  const unknown = Buffer.from('0807fa07020801', 'hex'); // Number 7, with a field 127.
  assert.deepEqual(decodeCall(unknown), { id: 7, request: null });
  assert.equal(decodeAnswer(unknown).answer.ok, false);
});

test('what is no call and no answer is malformed', () => {
  for (const decode of [decodeCall, decodeAnswer]) {
    assert.throws(() => decode(Buffer.from('ffff', 'hex')), MalformedFrame);
  }
});
