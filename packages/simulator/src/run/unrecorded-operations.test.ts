import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandBody, encodeCommand, MemoryEngine, Store } from '@quorate/kv';
import { PutRequest, RangeResponse } from '@quorate/protocol';
import { type Entry, toLogIndex, toTerm } from '@quorate/raft';
import type { CallRecord } from '../workload/call.ts';
import { actFenced, enterQueue, guardedValue, leaveQueue } from '../workload/lock-requests.ts';
import { put, rangeRequest, toBytes } from '../workload/requests.ts';
import { judgeHistory } from './judge-history.ts';
import { LogReplay } from './log-replay.ts';

const everything = rangeRequest({ key: toBytes('\0'), rangeEnd: toBytes('\0') });

/** A log of leases and locks, and clients who read everything after each of its commands, and put something. */
class Story {
  readonly entries: Entry[] = [];
  readonly records: CallRecord[] = [];
  private readonly store = Store.open(new MemoryEngine());
  private now = 1;

  apply(body: CommandBody): number {
    const data = encodeCommand({ requestId: undefined, body });
    this.entries.push({ kind: 'command', index: toLogIndex(this.entries.length + 1), term: toTerm(1), data });
    this.store.apply([{ index: this.entries.length, term: 1, data }]);
    return this.store.revision;
  }

  read(change: (response: RangeResponse) => RangeResponse = (response) => response): void {
    const response = change(this.store.range(everything));
    this.note({ call: { kind: 'range', request: everything }, answer: { kind: 'range', response } });
  }

  put(key: string, value: string): void {
    const call = put(key, value);
    assert(call.kind === 'command');
    this.apply(call.body);
    const answer = LogReplay.run(this.entries).answerTo(call.body);
    assert(answer !== null && answer !== 'ambiguous');
    this.note({ call, answer });
  }

  judge(): string {
    return judgeHistory(this.records, LogReplay.run(this.entries)).kind;
  }

  private note(record: Pick<CallRecord, 'call' | 'answer'>): void {
    this.records.push({ client: 0, invoke: this.now, return: this.now + 1, ...record });
    this.now += 2;
  }
}

function told(change: (response: RangeResponse) => RangeResponse = (response) => response): Story {
  const story = new Story();
  story.apply({ $case: 'leaseGrant', leaseGrant: { ID: 7n, TTL: 10 } });
  for (const key of ['leased/7/1', 'leased/7/2']) {
    story.apply({ $case: 'put', put: PutRequest.create({ key: toBytes(key), lease: 7n }) });
    story.read();
  }
  const withTtl = PutRequest.create({ key: toBytes('leased/8/0'), lease: 8n });
  story.apply({ $case: 'putWithTtl', putWithTtl: { put: withTtl, ttl: 10 } });
  story.read();
  story.put('k1', 'one');
  const token = story.apply(enterQueue(7n));
  story.read();
  story.apply(actFenced(7n, token, guardedValue(7n, token, 'act')));
  story.read();
  story.apply(leaveQueue(7n, token));
  story.put('k1', 'two');
  story.apply({ $case: 'leaseRevoke', leaseRevoke: { id: 7n, expiredInTerm: 0 } });
  story.read(change);
  story.put('k1', 'three');
  story.read();
  return story;
}

test('histories are judged although leases end and locks change hands beside them', () => {
  assert.equal(told().judge(), 'linearizable');
});

test('a read that is late, and keys that outlive their lease, are found', () => {
  const stale = told((response) => ({
    ...response,
    kvs: response.kvs.map((kv) => (kv.value.length === 3 ? { ...kv, value: toBytes('one') } : kv)),
  }));
  assert.equal(stale.judge(), 'violation');
  const outlived = told((response) => ({
    ...response,
    count: response.count + 1,
    kvs: [
      ...response.kvs,
      {
        key: toBytes('leased/7/2'),
        value: toBytes(''),
        createRevision: 3,
        modRevision: 3,
        version: 1,
        lease: 7n,
      },
    ],
  }));
  assert.equal(outlived.judge(), 'violation');
});

test('a lease that a deposed leader wanted to end lives on', () => {
  const story = new Story();
  story.apply({ $case: 'leaseGrant', leaseGrant: { ID: 7n, TTL: 10 } });
  story.apply({ $case: 'put', put: PutRequest.create({ key: toBytes('leased/7/1'), lease: 7n }) });
  const ofAnotherTerm = 2;
  story.apply({ $case: 'leaseRevoke', leaseRevoke: { id: 7n, expiredInTerm: ofAnotherTerm } });
  story.read();
  story.apply({ $case: 'leaseRevoke', leaseRevoke: { id: 7n, expiredInTerm: 1 } });
  story.read();
  assert.equal(LogReplay.run(story.entries).unrecorded.length, 2, 'a put, and the end that was one');
  assert.equal(story.judge(), 'linearizable');
});

test('what the log has beside the histories is needed to explain them', () => {
  const story = told();
  const replay = LogReplay.run(story.entries);
  assert.equal(
    replay.unrecorded.length,
    7,
    'two puts, one with a new lease, a place, an act, the place given up, and the end of the lease',
  );
  const mute = Object.create(replay, { unrecorded: { value: [] } }) as LogReplay;
  assert.equal(judgeHistory(story.records, mute).kind, 'violation');
});
