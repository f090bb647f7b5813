import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ServiceError } from '@grpc/grpc-js';
import { electionService, LeaderRequest, LeaderResponse, RangeRequest } from '@quorate/protocol';
import { TestFrontend } from '../../testing/test-frontend.ts';
import { until } from '../../testing/until.ts';

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(data: Uint8Array | undefined): string {
  return Buffer.from(data ?? []).toString();
}

const name = bytes('job');

async function open(leases: readonly bigint[]): Promise<TestFrontend> {
  const frontend = await TestFrontend.open();
  for (const ID of leases) await frontend.client.lease.leaseGrant({ ID, TTL: 600 });
  return frontend;
}

/** The keys of the queue, in the order in which they were created. */
function queue(frontend: TestFrontend): string[] {
  const request = RangeRequest.create({
    key: bytes('job/'),
    rangeEnd: bytes('job0'),
    sortTarget: 2,
    sortOrder: 1,
  });
  return frontend.member.store.range(request).kvs.map(({ key }) => text(key));
}

type CallOutcome<Answer> = { answer: Answer | null; code: unknown; details: unknown };

/** What became of a call, without waiting for it. */
function outcomeOf<Answer>(call: Promise<Answer>): CallOutcome<Answer> {
  const outcome: CallOutcome<Answer> = { answer: null, code: null, details: null };
  call.then(
    (answer) => {
      outcome.answer = answer;
    },
    (error: unknown) => {
      const { code, details } = error as ServiceError;
      Object.assign(outcome, { code, details });
    },
  );
  return outcome;
}

async function waitsInQueue(frontend: TestFrontend, key: string): Promise<void> {
  await until(`${key} waits`, () => queue(frontend).includes(key));
  for (let count = 0; count < 20; count++) await turn();
}

describe('a lock', () => {
  test('has one owner at a time, in the order of the requests', async () => {
    await using frontend = await open([10n, 11n, 12n]);
    const { lock } = frontend.client;
    const first = await lock.lock({ name, lease: 10n });
    assert.equal(text(first.key), 'job/a');
    const second = outcomeOf(lock.lock({ name, lease: 11n }));
    await waitsInQueue(frontend, 'job/b');
    const third = outcomeOf(lock.lock({ name, lease: 12n }));
    await waitsInQueue(frontend, 'job/c');
    assert.deepEqual(queue(frontend), ['job/a', 'job/b', 'job/c']);
    assert.deepEqual([second.answer, second.code], [null, null]);
    await lock.unlock({ key: first.key });
    await until('the second owns it', () => second.answer !== null);
    assert.deepEqual([text(second.answer?.key), third.answer], ['job/b', null]);
    await frontend.client.lease.leaseRevoke({ ID: 11n });
    await until('the third owns it', () => third.answer !== null);
    assert.deepEqual(queue(frontend), ['job/c']);
  });

  test('is granted again to who has it', async () => {
    await using frontend = await open([10n]);
    const { lock } = frontend.client;
    const { key } = await lock.lock({ name, lease: 10n });
    assert.deepEqual((await lock.lock({ name, lease: 10n })).key, key);
    assert.deepEqual(queue(frontend), ['job/a']);
  });

  test('without a lease is held under a new one', async () => {
    await using frontend = await open([]);
    const { key } = await frontend.client.lock.lock({ name, lease: 0n });
    const [lease] = frontend.member.store.leases();
    assert.deepEqual([text(key), lease?.ttlSeconds], [`job/${lease?.id.toString(16)}`, 60]);
    const none = frontend.client.lock.lock({ name, lease: 99n });
    await assert.rejects(none, { code: 5, details: 'etcdserver: requested lease not found' });
  });

  test('is not waited for any longer by who has given up, of itself or in time', async () => {
    await using frontend = await open([10n, 11n, 12n, 13n]);
    const { lock } = frontend.client;
    const first = await lock.lock({ name, lease: 10n });
    const controller = new AbortController();
    const cancelled = outcomeOf(lock.lock({ name, lease: 11n }, { signal: controller.signal }));
    await waitsInQueue(frontend, 'job/b');
    const late = outcomeOf(lock.lock({ name, lease: 12n }, { timeoutMs: 200 }));
    const patient = outcomeOf(lock.lock({ name, lease: 13n }));
    await waitsInQueue(frontend, 'job/d');
    controller.abort();
    await until('both have left', () => queue(frontend).length === 2);
    await until('both were told', () => cancelled.code !== null && late.code !== null);
    assert.deepEqual(queue(frontend), ['job/a', 'job/d']);
    await lock.unlock({ key: first.key });
    await until('the patient one owns it', () => patient.answer !== null);
  });

  test('is not waited for in vain by one whose lease has ended', async () => {
    await using frontend = await open([10n, 11n]);
    const { lock, lease } = frontend.client;
    await lock.lock({ name, lease: 10n });
    const waiting = outcomeOf(lock.lock({ name, lease: 11n }));
    await waitsInQueue(frontend, 'job/b');
    await lease.leaseRevoke({ ID: 11n });
    await until('it is told', () => waiting.code !== null);
    assert.partialDeepStrictEqual(waiting, { code: 2, details: 'mutex: session is expired' });
  });

  test('is told of when the server stops, and its place is kept', async () => {
    await using frontend = await open([10n, 11n]);
    const { lock } = frontend.client;
    await lock.lock({ name, lease: 10n });
    const waiting = outcomeOf(lock.lock({ name, lease: 11n }));
    await waitsInQueue(frontend, 'job/b');
    await frontend.clients.drain(frontend.clock);
    await until('it is told', () => waiting.code !== null);
    assert.partialDeepStrictEqual(waiting, { code: 14, details: 'etcdserver: server stopped' });
    assert.deepEqual(queue(frontend), ['job/a', 'job/b']);
  });
});

describe('an election', () => {
  test('has one leader at a time, who proclaims and resigns', async () => {
    await using frontend = await open([10n, 11n]);
    const { election } = frontend.client;
    const nobody = { code: 2, details: 'election: no leader' };
    await assert.rejects(election.leader(LeaderRequest.create({ name })), nobody);
    const first = await election.campaign({ name, lease: 10n, value: bytes('one') });
    assert.deepEqual(
      [text(first.leader?.key), text(first.leader?.name), first.leader?.rev, first.leader?.lease],
      ['job/a', 'job', 2, 10n],
    );
    const second = outcomeOf(election.campaign({ name, lease: 11n, value: bytes('two') }));
    await waitsInQueue(frontend, 'job/b');
    await election.proclaim({ leader: first.leader, value: bytes('uno') });
    assert.equal(text((await election.leader({ name })).kv?.value), 'uno');
    await election.resign({ leader: first.leader });
    await until('the second leads', () => second.answer !== null);
    assert.equal(text((await election.leader({ name })).kv?.value), 'two');
    const proclaim = election.proclaim({ leader: first.leader, value: bytes('again') });
    await assert.rejects(proclaim, { code: 2, details: 'election: not leader' });
    await election.resign({ leader: first.leader });
    assert.deepEqual(queue(frontend), ['job/b']);
  });

  test('needs to be told who', async () => {
    await using frontend = await open([]);
    const { election } = frontend.client;
    const missing = { code: 2, details: '"leader" field must be provided' };
    await assert.rejects(election.proclaim({ leader: undefined, value: bytes('') }), missing);
    await assert.rejects(election.resign({ leader: undefined }), missing);
  });

  test('takes the new value of a candidate that comes again', async () => {
    await using frontend = await open([10n]);
    const { election } = frontend.client;
    const first = await election.campaign({ name, lease: 10n, value: bytes('one') });
    const again = await election.campaign({ name, lease: 10n, value: bytes('other') });
    assert.deepEqual(again.leader, first.leader);
    assert.equal(text((await election.leader({ name })).kv?.value), 'other');
  });

  test('is observed: every leader with what it proclaims, in order', async () => {
    await using frontend = await open([10n, 11n]);
    const { client } = frontend;
    const seen: string[] = [];
    const { path } = electionService.methods.observe;
    void client.readStream(path, LeaderRequest.encode({ name }).finish(), (data) => {
      const { kv, header } = LeaderResponse.decode(data);
      assert.ok((header?.revision ?? 0) >= (kv?.modRevision ?? 1));
      seen.push(`${text(kv?.key)}=${text(kv?.value)}`);
    });
    const first = await client.election.campaign({ name, lease: 10n, value: bytes('one') });
    await until('the first is seen', () => seen.length === 1);
    for (let count = 0; count < 20; count++) await turn();
    // Who waits by then has an older value when its turn comes.
    const second = outcomeOf(client.election.campaign({ name, lease: 11n, value: bytes('two') }));
    await waitsInQueue(frontend, 'job/b');
    await client.election.proclaim({ leader: first.leader, value: bytes('uno') });
    await client.lease.leaseRevoke({ ID: 10n });
    await until('the second leads', () => second.answer !== null);
    await until('all are seen', () => seen.length >= 3);
    assert.deepEqual(seen, ['job/a=one', 'job/a=uno', 'job/b=two']);
  });
});
