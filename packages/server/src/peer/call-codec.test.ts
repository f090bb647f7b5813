import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerAnswer, PeerRequest } from '@quorate/replica';
import { decodeAnswer, decodeCall, encodeAnswer, encodeCall } from './call-codec.ts';
import { MalformedFrame } from './frame.ts';

/** One of each kind. */
const requests: readonly PeerRequest[] = [
  { type: 'ping' },
  { type: 'digest', firstPosition: 1, lastPosition: 2 ** 40, compactedRevision: 7 },
];
const answers: readonly PeerAnswer[] = [
  { ok: false, refusal: { code: 'not-leader', message: 'ask another member' } },
  { ok: true, response: { type: 'ping', wallMs: 1_767_225_600_123, version: '1.2.3' } },
  { ok: true, response: { type: 'digest', digest: { crc: 0xffff_ffff, records: 1024 } } },
  { ok: true, response: { type: 'digest', digest: null } },
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
