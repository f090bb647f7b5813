import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toMemberId } from '@quorate/raft';
import { SendQueue } from './send-queue.ts';
import { append, heartbeat } from './testing/messages.ts';

const from = toMemberId(1n);
const to = toMemberId(2n);

test('urgent messages overtake entries, and each lane keeps its order', () => {
  const queue = new SendQueue({ messagesMax: 10, bytesMax: 10_000 });
  const [first, second] = [append(from, to, 1, 10), append(from, to, 2, 10)];
  const [early, late] = [heartbeat(from, to, 1), heartbeat(from, to, 2)];
  for (const message of [first, early, second, late]) assert.ok(queue.add(message));
  assert.deepEqual(queue.take(10_000), [early, late, first, second]);
  assert.ok(queue.isEmpty);
});

test('a batch takes so many bytes of entries, but at least one message', () => {
  const queue = new SendQueue({ messagesMax: 10, bytesMax: 10_000 });
  for (let index = 1; index <= 3; index += 1) queue.add(append(from, to, index, 1000));
  assert.equal(queue.take(2500).length, 2);
  assert.equal(queue.take(10).length, 1);
  assert.ok(queue.isEmpty);
});

test('without room for entries only urgent messages are taken', () => {
  const queue = new SendQueue({ messagesMax: 10, bytesMax: 10_000 });
  const urgent = heartbeat(from, to, 1);
  queue.add(append(from, to, 1, 10));
  queue.add(urgent);
  assert.deepEqual(queue.take(0), [urgent]);
  assert.deepEqual(queue.take(0), []);
  assert.ok(!queue.isEmpty);
});

test('each lane refuses more messages than its maximum', () => {
  const queue = new SendQueue({ messagesMax: 2, bytesMax: 10_000 });
  assert.deepEqual(
    [1, 2, 3].map((round) => queue.add(heartbeat(from, to, round))),
    [true, true, false],
  );
  assert.deepEqual(
    [1, 2, 3].map((index) => queue.add(append(from, to, index, 1))),
    [true, true, false],
  );
});

test('entries are refused beyond the maximum of bytes, except into an empty lane', () => {
  const queue = new SendQueue({ messagesMax: 10, bytesMax: 1000 });
  assert.ok(queue.add(append(from, to, 1, 5000)));
  assert.ok(!queue.add(append(from, to, 2, 1)));
  queue.take(1);
  assert.ok(queue.add(append(from, to, 2, 1)));
});

test('the lane of entries can be filled and emptied for ever', () => {
  const queue = new SendQueue({ messagesMax: 4, bytesMax: 10_000 });
  queue.add(append(from, to, 1, 1));
  for (let index = 2; index < 100; index += 1) {
    assert.ok(queue.add(append(from, to, index, 1)), `message ${index}`);
    assert.equal(queue.take(1).length, 1);
  }
});

test('clearing says whether anything was lost', () => {
  const queue = new SendQueue({ messagesMax: 4, bytesMax: 10_000 });
  assert.ok(!queue.clear());
  queue.add(heartbeat(from, to, 1));
  assert.ok(queue.clear());
  assert.ok(queue.isEmpty);
});
