import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toMemberId } from '@quorate/raft';
import { LeadershipTransfer } from './leadership-transfer.ts';

const second = toMemberId(2n);
const third = toMemberId(3n);

test('a transfer that replaces another is not ended by the end of that one', async () => {
  const transfer = new LeadershipTransfer();
  const replaced = transfer.begin(second, { deadlineMs: 100 });
  const running = transfer.begin(third, { deadlineMs: 100 });
  await assert.rejects(replaced, { code: 'timed-out' });
  transfer.aborted(second);
  transfer.leaderChanged(third);
  await running;
});

test('a transfer ends when the core gives it up, and at its deadline', async () => {
  const transfer = new LeadershipTransfer();
  const aborted = transfer.begin(second, { deadlineMs: 100 });
  transfer.aborted(second);
  await assert.rejects(aborted, { code: 'timed-out' });
  const late = transfer.begin(third, { deadlineMs: 100 });
  transfer.expire(99);
  transfer.expire(100);
  await assert.rejects(late, { code: 'timed-out' });
});
