import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { decompress, frameMessage, MessageAssembler } from './message-frame.ts';

const message = Buffer.from('a message');

test('a message survives however its frame is cut', () => {
  const frame = frameMessage(message);
  for (let cut = 0; cut <= frame.length; cut += 1) {
    const assembler = new MessageAssembler(100);
    for (const chunk of [frame.subarray(0, cut), frame.subarray(cut)]) {
      if (chunk.length > 0) assembler.add(chunk);
    }
    assert.deepEqual(assembler.finish(), { message, isCompressed: false });
  }
});

test('an empty message is a message', () => {
  const assembler = new MessageAssembler(100);
  assembler.add(frameMessage(Buffer.alloc(0)));
  assert.equal(assembler.finish().message.length, 0);
});

test('no message, half a message, two messages and an unknown flag are refused', () => {
  const frame = frameMessage(message);
  const unknownFlag = Buffer.from(frame);
  unknownFlag[0] = 7;
  for (const chunks of [[], [frame.subarray(0, 3)], [frame.subarray(0, -1)], [frame, frame], [unknownFlag]]) {
    const assembler = new MessageAssembler(100);
    for (const chunk of chunks) assembler.add(chunk);
    assert.throws(() => assembler.finish(), { name: 'ApiError', status: 'internal', outcome: 'none' });
  }
});

test('a message that is too large is refused when it is announced, and when it grows too large unannounced', () => {
  const announced = Buffer.from([0, 0, 0, 0, 101]);
  assert.throws(() => new MessageAssembler(100).add(announced), { status: 'resource-exhausted' });
  const grown = new MessageAssembler(100);
  grown.add(Buffer.from([0, 0, 0, 0, 1]));
  assert.throws(() => grown.add(Buffer.alloc(101)), { status: 'resource-exhausted' });
});

test('compressed messages are read, up to the size that is allowed when they are not', async () => {
  assert.deepEqual(await decompress(gzipSync(message), 'gzip', 100), message);
  await assert.rejects(decompress(gzipSync(Buffer.alloc(1000)), 'gzip', 100), {
    status: 'resource-exhausted',
  });
  await assert.rejects(decompress(message, 'gzip', 100), { status: 'internal' });
  await assert.rejects(decompress(message, 'snappy', 100), { status: 'unimplemented' });
});
