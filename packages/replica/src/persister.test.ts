import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Message, type Persist, toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import { WriteAheadLog } from '@quorate/storage';
import { MemoryDisk, MemoryFileSystem, seededRandom } from '@quorate/storage/testing';
import { Persister } from './persister.ts';

const term = toTerm(1);

function batch(number: number): Persist {
  const entry = { kind: 'command', term, index: toLogIndex(number), data: new Uint8Array(10) } as const;
  return { batch: number, hardState: null, entries: [entry], sync: true };
}

function acknowledgement(number: number): Message {
  return {
    type: 'append-response',
    from: toMemberId(1n),
    to: toMemberId(2n),
    term,
    result: { kind: 'matched', matchIndex: toLogIndex(number) },
  };
}

/** A persister on a simulated disk whose syncs wait for `release`. */
async function slowDisk() {
  const disk = new MemoryDisk({ random: seededRandom(1) });
  const fileSystem = new MemoryFileSystem(disk);
  await fileSystem.makeDirectory('/log');
  const log = await WriteAheadLog.open({ fileSystem, directory: '/log', random: seededRandom(2) });
  await log.append([{ hardState: { term, vote: null, commit: toLogIndex(0) }, entries: [], sync: true }]);
  let gate = Promise.withResolvers<void>();
  let syncs = 0;
  disk.latency = async ({ kind }) => {
    if (kind === 'sync') {
      syncs += 1;
      await gate.promise;
    }
  };
  const told: string[] = [];
  const persister = new Persister(log, {
    durable: (number, messages) => told.push(`${number}: ${messages.map(describe).join(' ')}`),
    failed: (error) => told.push(`failed: ${String(error)}`),
  });
  return {
    disk,
    persister,
    told,
    syncs: () => syncs,
    /** Lets one sync end: the one that runs, or is about to. */
    release: async () => {
      await aMoment();
      gate.resolve();
      gate = Promise.withResolvers<void>();
      await aMoment();
    },
  };
}

function describe(message: Message): string {
  return message.type === 'append-response' && message.result.kind === 'matched'
    ? `matched ${message.result.matchIndex}`
    : message.type;
}

const aMoment = () => new Promise((resolve) => setImmediate(resolve));

test('an acknowledgement leaves when its write is durable, and not before', async () => {
  const { persister, told, release } = await slowDisk();
  persister.add(batch(1), [acknowledgement(1)]);
  persister.flush();
  await aMoment();
  assert.deepEqual(told, []);
  await release();
  assert.deepEqual(told, ['1: matched 1']);
  await persister.close();
});

test('what queues up during one sync shares the next', async () => {
  const { persister, told, syncs, release } = await slowDisk();
  persister.add(batch(1), [acknowledgement(1)]);
  persister.flush();
  for (const number of [2, 3, 4]) {
    persister.add(batch(number), [acknowledgement(number)]);
    persister.flush();
  }
  await aMoment();
  await release();
  await aMoment();
  await release();
  assert.deepEqual(told, ['1: matched 1', '4: matched 2 matched 3 matched 4']);
  assert.equal(syncs(), 2);
  assert.equal(persister.backlogBytes, 0);
  await persister.close();
});

test('a message without a write of its own still waits for the writes before it', async () => {
  const { persister, told, release } = await slowDisk();
  persister.add(batch(1), []);
  persister.flush();
  persister.add(null, [acknowledgement(1)]);
  persister.flush();
  await aMoment();
  assert.deepEqual(told, []);
  await release();
  assert.deepEqual(told, ['1: ', 'null: matched 1']);
  persister.add(null, [acknowledgement(1)]);
  persister.flush();
  assert.deepEqual(told.at(-1), 'null: matched 1', 'an idle disk holds nothing back');
  await persister.close();
});

test('a failed sync is reported once, and nothing that waited for it leaves', async () => {
  const { disk, persister, told, release } = await slowDisk();
  disk.fault = ({ kind }) => (kind === 'sync' ? { kind: 'fail', code: 'EIO' } : null);
  persister.add(batch(1), [acknowledgement(1)]);
  persister.flush();
  persister.add(batch(2), [acknowledgement(2)]);
  await release();
  await aMoment();
  persister.flush();
  await persister.close();
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^failed: .*EIO/);
});

test('closing waits for the write in flight and lets nothing leave any more', async () => {
  const { persister, told, release } = await slowDisk();
  persister.add(batch(1), [acknowledgement(1)]);
  persister.flush();
  persister.add(batch(2), [acknowledgement(2)]);
  const closed = persister.close();
  await release();
  await closed;
  assert.deepEqual(told, []);
});

test('a task runs between the writes before it and those after it', async () => {
  const { persister, told, release } = await slowDisk();
  persister.add(batch(1), [acknowledgement(1)]);
  persister.flush();
  const gate = Promise.withResolvers<void>();
  const done = persister.exclusive(async () => {
    told.push('task begins');
    await gate.promise;
  });
  persister.add(batch(2), [acknowledgement(2)]);
  persister.flush();
  await release();
  assert.deepEqual(told, ['1: matched 1', 'task begins']);
  gate.resolve();
  await done;
  await aMoment();
  await release();
  assert.deepEqual(told, ['1: matched 1', 'task begins', '2: matched 2']);
  await persister.close();
});

test('a task that fails is a failure of the disk, and one whose turn does not come is told so', async () => {
  const { persister, told } = await slowDisk();
  const failing = persister.exclusive(async () => {
    throw new Error('no disk');
  });
  const waiting = persister.exclusive(async () => undefined);
  await assert.rejects(failing, /no disk/);
  await assert.rejects(waiting, { code: 'stopped' });
  await assert.rejects(
    persister.exclusive(async () => undefined),
    { code: 'stopped' },
  );
  assert.deepEqual(told, ['failed: Error: no disk']);
  await persister.close();
});
