import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CommandBody, type CommandResponse, StoreError } from '@quorate/kv';
import { AutoCompaction, type AutoCompactionPolicy } from './auto-compaction.ts';
import type { Clock, Logger, Timer } from './ports.ts';
import { ReplicaError } from './replica-error.ts';
import type { ReplicaStatus } from './replica-options.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const silent: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

/** Goes from timer to timer, so that hours take no time. */
class TimerClock implements Clock {
  readonly timers = new Map<Timer, { readonly atMs: number; readonly callback: () => void }>();
  private nowMs = 5_000_000;

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return 0;
  }

  defer(callback: () => void): void {
    queueMicrotask(callback);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer: Timer = { cancel: () => void this.timers.delete(timer) };
    this.timers.set(timer, { atMs: this.nowMs + delayMs, callback });
    return timer;
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.timers].filter(([, { atMs }]) => atMs <= endMs);
      const [next] = due.toSorted(([, one], [, other]) => one.atMs - other.atMs);
      if (next === undefined) break;
      const [timer, { atMs, callback }] = next;
      this.timers.delete(timer);
      this.nowMs = atMs;
      callback();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.nowMs = endMs;
  }
}

/** A member that takes compactions. */
class Member {
  readonly clock = new TimerClock();
  readonly store = { revision: 1 };
  readonly compacted: number[] = [];
  role: ReplicaStatus['role'] = 'leader';
  failure: Error | null = null;

  status(): ReplicaStatus {
    return { role: this.role } as ReplicaStatus;
  }

  async propose(body: CommandBody): Promise<CommandResponse> {
    assert(body.$case === 'compaction');
    if (this.failure !== null) throw this.failure;
    this.compacted.push(body.compaction.revision);
    return { $case: 'compaction', compaction: { header: undefined } };
  }

  /** Lets minutes pass, each with a hundred revisions at its end. */
  async minutes(count: number): Promise<void> {
    for (let minute = 0; minute < count; minute += 1) {
      await this.clock.pass(minuteMs);
      this.store.revision += 100;
    }
  }
}

async function compacting(
  policy: AutoCompactionPolicy,
  work: (member: Member) => Promise<void>,
): Promise<void> {
  const member = new Member();
  const compaction = new AutoCompaction({ policy, member, clock: member.clock, logger: silent });
  compaction.start();
  await work(member);
  await compaction.stop();
  assert.equal(member.clock.timers.size, 0, 'nothing is left behind');
}

describe('compaction by age', () => {
  test('keeps what is younger than the retention, and comes once in a retention', () =>
    compacting({ mode: 'periodic', retentionMs: 10 * minuteMs }, async (member) => {
      await member.minutes(9);
      assert.deepEqual(member.compacted, []);
      await member.minutes(1);
      assert.deepEqual(member.compacted, [1], 'the revision of ten minutes ago');
      await member.minutes(9);
      assert.equal(member.compacted.length, 1);
      await member.minutes(11);
      assert.deepEqual(member.compacted, [1, 901, 1901]);
    }));

  test('comes once an hour if the retention is longer', () =>
    compacting({ mode: 'periodic', retentionMs: 5 * hourMs }, async (member) => {
      await member.minutes(5 * 60 - 1);
      assert.deepEqual(member.compacted, []);
      await member.minutes(2 * 60 + 1);
      assert.deepEqual(member.compacted, [1, 5901, 11_901], 'an hour of revisions each time');
    }));

  test('is left to the leader, but every member knows how old revisions are', () =>
    compacting({ mode: 'periodic', retentionMs: 10 * minuteMs }, async (member) => {
      member.role = 'follower';
      await member.minutes(25);
      assert.deepEqual(member.compacted, []);
      member.role = 'leader';
      await member.minutes(1);
      assert.deepEqual(member.compacted, [1501]);
    }));

  test('that cannot be agreed on is tried again soon', () =>
    compacting({ mode: 'periodic', retentionMs: 10 * minuteMs }, async (member) => {
      member.failure = new ReplicaError('no-leader', 'nobody leads');
      await member.minutes(12);
      member.failure = null;
      await member.minutes(1);
      assert.deepEqual(member.compacted, [201]);
    }));

  test('that somebody else has done counts', () =>
    compacting({ mode: 'periodic', retentionMs: 10 * minuteMs }, async (member) => {
      member.failure = new StoreError('compacted');
      await member.minutes(10);
      member.failure = null;
      await member.minutes(9);
      assert.deepEqual(member.compacted, []);
      await member.minutes(1);
      assert.deepEqual(member.compacted, [901]);
    }));

  test('does nothing while nothing changes', () =>
    compacting({ mode: 'periodic', retentionMs: 10 * minuteMs }, async (member) => {
      await member.clock.pass(50 * minuteMs);
      assert.deepEqual(member.compacted, [1]);
    }));
});

describe('compaction by number', () => {
  test('keeps so many revisions, and looks every five minutes', () =>
    compacting({ mode: 'revision', revisions: 1000 }, async (member) => {
      await member.minutes(10);
      assert.deepEqual(member.compacted, []);
      await member.minutes(10);
      assert.deepEqual(member.compacted, [401, 901]);
    }));

  test('does nothing while nothing changes', () =>
    compacting({ mode: 'revision', revisions: 10 }, async (member) => {
      member.store.revision = 500;
      await member.clock.pass(30 * minuteMs);
      assert.deepEqual(member.compacted, [490]);
    }));
});
