import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { decompress, frameMessages, MessageReader, OnlyMessage } from './message-frame.ts';

const message = Buffer.from('a message');

test('a message survives however its frame is cut', () => {
  const frame = frameMessages([message]);
  for (let cut = 0; cut <= frame.length; cut += 1) {
    const assembler = new OnlyMessage(100);
    for (const chunk of [frame.subarray(0, cut), frame.subarray(cut)]) {
      if (chunk.length > 0) assembler.add(chunk);
    }
    assert.deepEqual(assembler.finish(), { message, isCompressed: false });
  }
});

test('an empty message is a message', () => {
  const assembler = new OnlyMessage(100);
  assembler.add(frameMessages([Buffer.alloc(0)]));
  assert.equal(assembler.finish().message.length, 0);
});

test('no message, half a message, two messages and an unknown flag are refused', () => {
  const frame = frameMessages([message]);
  const unknownFlag = Buffer.from(frame);
  unknownFlag[0] = 7;
  for (const chunks of [[], [frame.subarray(0, 3)], [frame.subarray(0, -1)], [frame, frame], [unknownFlag]]) {
    const assembler = new OnlyMessage(100);
    const read = (): void => {
      for (const chunk of chunks) assembler.add(chunk);
      assembler.finish();
    };
    assert.throws(read, { name: 'ApiError', status: 'internal', outcome: 'none' });
  }
});

test('a message that is too large is refused when it is announced', () => {
  const announced = Buffer.from([0, 0, 0, 0, 101]);
  assert.throws(() => new OnlyMessage(100).add(announced), { status: 'resource-exhausted' });
});

test('messages survive however the bytes of many are cut', () => {
  const messages = ['', 'a', 'bc', 'def', 'x'.repeat(50)];
  const bytes = Buffer.concat(messages.map((each) => frameMessages([Buffer.from(each)])));
  for (let size = 1; size <= bytes.length; size += 1) {
    const reader = new MessageReader(100);
    const read: string[] = [];
    for (let start = 0; start < bytes.length; start += size) {
      reader.add(bytes.subarray(start, start + size));
      for (let next = reader.take(); next !== null; next = reader.take()) read.push(String(next.message));
    }
    assert.deepEqual(read, messages, `cut into pieces of ${size} bytes`);
    assert.equal(reader.heldBytes, 0);
  }
});

test('compressed messages are read, up to the size that is allowed when they are not', async () => {
  assert.deepEqual(await decompress(gzipSync(message), 'gzip', 100), message);
  await assert.rejects(decompress(gzipSync(Buffer.alloc(1000)), 'gzip', 100), {
    status: 'resource-exhausted',
  });
  await assert.rejects(decompress(message, 'gzip', 100), { status: 'internal' });
  await assert.rejects(decompress(message, 'snappy', 100), { status: 'unimplemented' });
});
