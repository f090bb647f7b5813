import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  encodeFrame,
  encodeHeader,
  type Frame,
  frameHeaderBytes,
  FrameReader,
  MalformedFrame,
} from './frame.ts';

function readAll(chunks: readonly Buffer[], payloadMaxBytes = 1024): Frame[] {
  const reader = new FrameReader();
  reader.payloadMaxBytes = payloadMaxBytes;
  const frames: Frame[] = [];
  for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(frame));
  return frames;
}

test('frames survive any way of being cut into chunks', () => {
  const frame = fc.record({
    type: fc.constantFrom('hello' as const, 'batch' as const, 'ping' as const),
    payload: fc.uint8Array({ maxLength: 100 }),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.nat(150), { maxLength: 20 }),
      (frames, cuts) => {
        let rest = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)));
        const chunks: Buffer[] = [];
        for (const cut of cuts) {
          chunks.push(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        chunks.push(rest);
        const read = readAll(chunks).map(({ type, payload }) => ({ type, payload: [...payload] }));
        assert.deepEqual(
          read,
          frames.map(({ type, payload }) => ({ type, payload: [...payload] })),
        );
      },
    ),
  );
});

test('a frame that arrives whole is not copied', () => {
  const bytes = encodeFrame('batch', Buffer.from('entries'));
  const [frame] = readAll([bytes]);
  assert.equal(frame?.payload.buffer, bytes.buffer);
});

test('a length beyond the limit is malformed before any of the payload has come', () => {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt32BE(0xffff_ffff, 0);
  assert.throws(() => readAll([header]), /claims 4294967295 bytes, at most 1024/);
});

test('an HTTP request is malformed', () => {
  assert.throws(() => readAll([Buffer.from('GET / HTTP/1.1\r\n')]), MalformedFrame);
});

test('any changed bit is noticed, be it in the type or in the payload', () => {
  const frame = encodeFrame('batch', Buffer.from('an entry'));
  for (let bit = 4 * 8; bit < frame.length * 8; bit += 1) {
    const changed = Buffer.from(frame);
    changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => readAll([changed]), MalformedFrame, `bit ${bit}`);
  }
});

test('the header is what DESIGN.md draws', () => {
  assert.equal(encodeHeader('batch', Buffer.from('abc')).toString('hex'), '00000003f994e82203');
});
