import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonSplitter } from './json-splitter.ts';

test('objects are found however their bytes are cut, whatever stands between them', () => {
  const objects = ['{}', '{"a":"}{\\"\\\\"}', '{"ü":[{"b":"\u{1f600}"},[]]}', '{"c":{"d":{}}}'];
  const bytes = Buffer.from(` ${objects[0]}${objects[1]}\n\r\t ${objects[2]}\n${objects[3]}\n`);
  for (let size = 1; size <= bytes.length; size += 1) {
    const splitter = new JsonSplitter(100);
    const found: unknown[] = [];
    for (let start = 0; start < bytes.length; start += size) {
      splitter.add(bytes.subarray(start, start + size));
      for (let text = splitter.take(); text !== null; text = splitter.take()) found.push(JSON.parse(text));
    }
    splitter.finish();
    assert.deepEqual(
      found,
      objects.map((each) => JSON.parse(each) as unknown),
      `cut into pieces of ${size} bytes`,
    );
  }
});

test('what is no object, has no end or is too large is refused', () => {
  const scalar = new JsonSplitter(100);
  scalar.add(Buffer.from('5'));
  assert.throws(() => scalar.take(), { name: 'ApiError', status: 'invalid-argument' });
  const open = new JsonSplitter(100);
  open.add(Buffer.from('{"a":'));
  assert.equal(open.take(), null);
  assert.throws(() => open.finish(), { name: 'ApiError', status: 'invalid-argument' });
  const large = new JsonSplitter(10);
  large.add(Buffer.from('{"a":"0123456789'));
  assert.throws(() => large.take(), { name: 'ApiError', status: 'resource-exhausted' });
});
