import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { MemoryEngine, Store } from '@quorate/kv';
import { PutRequest, SnapshotResponse } from '@quorate/protocol';
import { SnapshotFileDecoder } from '@quorate/storage';
import { ManualClock } from '../testing/manual-clock.ts';
import { SoloMember } from '../testing/solo-member.ts';
import { ApiError } from './api-error.ts';
import { snapshotMethods } from './snapshot-methods.ts';
import { StreamContext } from './stream-context.ts';

class TestSnapshots {
  readonly clock = new ManualClock();
  readonly member = new SoloMember(this.clock);
  private readonly method = snapshotMethods(this.member)[0];

  async put(key: string, bytes = 10): Promise<void> {
    const put = PutRequest.create({ key: Buffer.from(key), value: new Uint8Array(bytes).fill(7) });
    await this.member.propose({ $case: 'put', put }, { deadlineMs: 1_000 });
  }

  begin(context = this.context()): AsyncIterator<SnapshotResponse> {
    assert(this.method?.kind === 'server-stream');
    const responses = this.method.handle({}, context) as AsyncIterable<SnapshotResponse>;
    return responses[Symbol.asyncIterator]();
  }

  context(): StreamContext {
    const { signal } = new AbortController();
    const incoming = { timeoutMs: null, signal, connection: {}, metadata: () => null };
    return new StreamContext(incoming, this.clock, { timeoutMaxMs: 7_000, answerReserveMs: 150 });
  }
}

async function rest(responses: AsyncIterator<SnapshotResponse>): Promise<SnapshotResponse[]> {
  const found: SnapshotResponse[] = [];
  for (let next = await responses.next(); next.done !== true; next = await responses.next()) {
    found.push(next.value);
  }
  return found;
}

test('a snapshot is a snapshot file, padding, and the checksum that clients of etcd look for', async () => {
  const snapshots = new TestSnapshots();
  for (let key = 0; key < 50; key += 1) await snapshots.put(`key ${key}`, 5_000);
  const responses = await rest(snapshots.begin());
  assert.ok(responses.length > 5);
  assert.equal(responses.at(-1)?.remainingBytes, 0);
  assert.ok(responses.slice(0, -1).every(({ remainingBytes }) => remainingBytes > 0));
  assert.ok(responses.every(({ header }) => header?.revision === 51));

  const bytes = Buffer.concat(responses.map(({ blob }) => blob));
  assert.equal(bytes.length % 512, 32);
  assert.deepEqual(createHash('sha256').update(bytes.subarray(0, -32)).digest(), bytes.subarray(-32));
  const file = bytes.subarray(0, bytes.length - 32 - bytes.readUInt16LE(bytes.length - 34));
  const decoder = new SnapshotFileDecoder('the stream');
  const contents = decoder.push(file);
  decoder.expectEnd();
  assert.equal(decoder.header?.description.index, 50);
  const store = Store.open(new MemoryEngine());
  await store.install(
    (async function* () {
      yield* contents;
    })(),
    async () => undefined,
  );
  assert.equal(store.digest(), snapshots.member.store.digest());
});

test('what is written while it goes out is not in it', async () => {
  const snapshots = new TestSnapshots();
  await snapshots.put('before');
  const responses = snapshots.begin();
  const first = await responses.next();
  assert.equal(first.done, false);
  await snapshots.put('after', 100_000);
  const size = (await rest(responses)).reduce((sum, { blob }) => sum + blob.length, 0);
  assert.ok(size < 50_000);
});

test('two at a time are sent, and one that has ended makes room', async () => {
  const snapshots = new TestSnapshots();
  const first = snapshots.begin();
  const second = snapshots.begin();
  await first.next();
  await second.next();
  await assert.rejects(snapshots.begin().next(), /too many requests/);
  await first.return?.();
  await rest(snapshots.begin());
  await rest(second);
});

test('a client that takes nothing is hung up on, and holds the engine up no longer', async () => {
  const snapshots = new TestSnapshots();
  await snapshots.put('a');
  const context = snapshots.context();
  const responses = snapshots.begin(context);
  await responses.next();
  snapshots.clock.advance(60_000);
  assert.ok(context.failure instanceof ApiError && context.failure.status === 'cancelled');
  await rest(responses);
  assert.equal(snapshots.clock.pendingTimers, 0);
});
