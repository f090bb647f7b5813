import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  authService,
  clusterService,
  CompactionRequest,
  DeleteRangeRequest,
  health,
  healthService,
  kvService,
  maintenanceService,
  type MethodDescription,
  MoveLeaderRequest,
  PutRequest,
  RangeRequest,
  RangeRequest_SortOrder,
  RequestOp,
  TxnRequest,
} from '@quorate/protocol';
import { ReplicaError } from '@quorate/replica';
import { ManualClock } from '../testing/manual-clock.ts';
import { noDiagnosis } from '../testing/no-diagnosis.ts';
import { RecordingLogger } from '../testing/recording-logger.ts';
import { SoloMember } from '../testing/solo-member.ts';
import { createApi, serviceNames } from './api.ts';
import { ApiError } from './api-error.ts';
import { CallLimit } from './call-limit.ts';
import { CallStatistics } from './call-statistics.ts';
import type { IncomingCall } from './call-context.ts';
import { HealthMethods } from './health-methods.ts';
import { refuseIsolated } from './refuse-isolated.ts';
import { refuseLearner } from './refuse-learner.ts';
import { requireLeader } from './require-leader.ts';

const kv = kvService.methods;
const watch = {
  progressIntervalMs: 10_000,
  fragmentBytes: 2 * 1024 * 1024,
  random: { integer: (): number => 0 },
};

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

type CallSettings = { timeoutMs?: number | null; signal?: AbortSignal; metadata?: Record<string, string> };

/** The API of a member without consensus, called as an adapter calls it. */
class TestApi {
  readonly clock = new ManualClock();
  readonly member = new SoloMember(this.clock);
  readonly logger = new RecordingLogger();
  readonly health = new HealthMethods(serviceNames);
  readonly limit = new CallLimit(3);
  private readonly methods = new Map(
    createApi({
      member: this.member,
      health: this.health,
      watch,
      stopping: new AbortController().signal,
      diagnosis: noDiagnosis,
      guards: [
        this.limit.guard,
        requireLeader(this.member),
        refuseLearner(this.member),
        refuseIsolated(this.member),
      ],
      clock: this.clock,
      logger: this.logger,
      times: { timeoutMaxMs: 7_000, answerReserveMs: 150 },
      statistics: new CallStatistics(),
    }).map((method) => [method.path, method]),
  );

  async raw(path: string, request: Uint8Array, settings: CallSettings = {}): Promise<Uint8Array> {
    const method = this.methods.get(path);
    if (method?.kind === 'unimplemented') throw method.error;
    assert(method?.kind === 'unary', path);
    return method.invoke(request, incoming(settings));
  }

  async call<Request, Response>(
    method: MethodDescription<Request, Response>,
    request: Request,
    settings: CallSettings = {},
  ): Promise<Response> {
    return method.response.decode(
      await this.raw(method.path, method.request.encode(request).finish(), settings),
    );
  }

  async collect<Request, Response>(
    method: MethodDescription<Request, Response>,
    request: Request,
    settings: CallSettings = {},
  ): Promise<Response[]> {
    const found = this.methods.get(method.path);
    assert(found?.kind === 'server-stream');
    const responses: Response[] = [];
    for await (const messages of found.invoke(method.request.encode(request).finish(), incoming(settings))) {
      responses.push(...messages.map((message) => method.response.decode(message)));
    }
    return responses;
  }

  async put(key: string, value: string): Promise<void> {
    await this.call(kv.put, PutRequest.create({ key: bytes(key), value: bytes(value) }));
  }
}

function incoming(settings: CallSettings): IncomingCall {
  return {
    timeoutMs: settings.timeoutMs ?? null,
    signal: settings.signal ?? new AbortController().signal,
    connection: settings,
    metadata: (name) => settings.metadata?.[name] ?? null,
  };
}

async function assertFails(
  work: Promise<unknown>,
  status: string,
  message: string | RegExp,
): Promise<ApiError> {
  let failure: unknown = null;
  await work.catch((error: unknown) => {
    failure = error;
  });
  assert(failure instanceof ApiError, String(failure));
  assert.equal(failure.status, status);
  if (typeof message === 'string') assert.equal(failure.message, message);
  else assert.match(failure.message, message);
  return failure;
}

const get = (key: string, more: Partial<RangeRequest> = {}) =>
  RangeRequest.create({ key: bytes(key), ...more });

function transaction(...operations: Parameters<typeof RequestOp.create>[0][]): TxnRequest {
  return TxnRequest.create({ success: operations.map((operation) => RequestOp.create(operation)) });
}

describe('every answer says who gave it', () => {
  const expected = { clusterId: 0xc1n, memberId: 0xabcn, raftTerm: 7 };

  test('with the revision that the request made or saw', async () => {
    const api = new TestApi();
    const put = await api.call(kv.put, PutRequest.create({ key: bytes('a'), value: bytes('1') }));
    assert.deepEqual(put.header, { ...expected, revision: 2 });
    const range = await api.call(kv.range, get('a'));
    assert.deepEqual(range.header, { ...expected, revision: 2 });
    const txn = await api.call(kv.txn, transaction());
    assert.deepEqual(txn.header, { ...expected, revision: 2 });
    const removed = await api.call(kv.deleteRange, DeleteRangeRequest.create({ key: bytes('a') }));
    assert.deepEqual(removed.header, { ...expected, revision: 3 });
    const compacted = await api.call(kv.compact, CompactionRequest.create({ revision: 3, physical: true }));
    assert.deepEqual(compacted.header, { ...expected, revision: 3 });
    const status = await api.call(maintenanceService.methods.status, {});
    assert.deepEqual(status.header, { ...expected, revision: 3 });
  });

  test('without a revision where there is none', async () => {
    const api = new TestApi();
    const { header } = await api.call(clusterService.methods.memberList, { linearizable: false });
    assert.deepEqual(header, { ...expected, revision: 0 });
  });
});

test('a compaction whose space is not freed in time is not said to have had no effect', async () => {
  const api = new TestApi();
  for (let count = 0; count < 2_000; count += 1)
    await api.call(kv.put, PutRequest.create({ key: bytes('a') }));
  const compaction = CompactionRequest.create({ revision: api.member.store.revision, physical: true });
  const work = api.call(kv.compact, compaction, { timeoutMs: 0 });
  const failure = await assertFails(work, 'unavailable', /request timed out/);
  assert.equal(api.member.store.compactedRevision, compaction.revision);
  assert.equal(failure.outcome, 'unknown');
});

test('a compaction whose space takes long to free is waited for, as long as the client does', async () => {
  const api = new TestApi();
  const { clock, member } = api;
  for (let count = 0; count < 2_000; count += 1)
    await api.call(kv.put, PutRequest.create({ key: bytes('a') }));
  const compaction = CompactionRequest.create({ revision: member.store.revision, physical: true });
  const progress = { isOver: false };
  const work = api.call(kv.compact, compaction).finally(() => (progress.isOver = true));
  while (!progress.isOver) {
    if (member.store.compactedRevision === compaction.revision) clock.advance(8_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await work;
  assert.equal(member.store.removeCompacted(1), true);
});

describe('reads', () => {
  test('ask the cluster, unless they may be answered locally', async () => {
    const api = new TestApi();
    await api.call(kv.range, get('a', { serializable: true }));
    assert.equal(api.member.reads.length, 0);
    await api.call(kv.range, get('a'));
    assert.equal(api.member.reads.length, 1);
  });

  test('a transaction that only reads is a read, and local only if every operation may be', async () => {
    const api = new TestApi();
    const local = {
      request: { $case: 'requestRange', requestRange: get('a', { serializable: true }) },
    } as const;
    const asked = { request: { $case: 'requestRange', requestRange: get('a') } } as const;
    await api.call(kv.txn, transaction(local, local));
    assert.equal(api.member.reads.length, 0);
    await api.call(kv.txn, transaction(local, asked));
    assert.equal(api.member.reads.length, 1);
    assert.equal(api.member.proposals.length, 0);
  });

  test('an empty key is refused without asking anybody', async () => {
    const api = new TestApi();
    api.member.failure = new ReplicaError('no-leader', '');
    await assertFails(api.call(kv.range, get('')), 'invalid-argument', 'etcdserver: key is not provided');
    assert.equal(api.member.reads.length, 0);
  });
});

describe('how long a call may take', () => {
  const deadlines: readonly [string, number | null, number][] = [
    ['the limit of the server if the client does not say', null, 7_000],
    ['what the client says if that is less, and a little less, so that it hears an answer', 1_500, 1_350],
    ['three quarters of a very short time', 100, 75],
    ['the limit of the server if the client would wait longer', 60_000, 7_000],
  ];
  for (const [what, timeoutMs, expectedMs] of deadlines) {
    test(what, async () => {
      const api = new TestApi();
      api.clock.advance(1_000);
      await api.call(kv.put, PutRequest.create({ key: bytes('a') }), { timeoutMs });
      await api.call(kv.range, get('a'), { timeoutMs });
      assert.equal(api.member.proposals[0]?.call.deadlineMs, 1_000 + expectedMs);
      assert.equal(api.member.reads[0]?.deadlineMs, 1_000 + expectedMs);
    });
  }
});

describe('what fails', () => {
  test('a write whose leader was lost may have taken effect, and says so', async () => {
    const api = new TestApi();
    api.member.failure = new ReplicaError('unknown-outcome', '');
    const text = 'etcdserver: request timed out, possibly due to previous leader failure';
    const error = await assertFails(api.put('a', '1'), 'unavailable', text);
    assert.equal(error.outcome, 'unknown');
  });

  test('a request that is no protobuf is told so', async () => {
    const api = new TestApi();
    const work = api.raw('/etcdserverpb.KV/Put', new Uint8Array([0x0a, 0x7f, 0x01]));
    await assertFails(
      work,
      'invalid-argument',
      /^the request to etcdserverpb\.KV\/Put is no valid protobuf message: /,
    );
  });

  test('a fault of the server is logged in full, and told without its words', async () => {
    const api = new TestApi();
    api.member.failure = new TypeError('secret.path is not a function');
    const error = await assertFails(
      api.put('a', '1'),
      'internal',
      /^etcdserver: internal error, see the log/,
    );
    assert.equal(error.outcome, 'unknown');
    assert.equal(api.logger.count('error: a call of etcdserverpb.KV/Put failed'), 1);
  });

  test('a client that asks for a leader is told at once that there is none', async () => {
    const api = new TestApi();
    api.member.leader = null;
    const metadata = { hasleader: 'true' };
    await assertFails(api.call(kv.range, get('a'), { metadata }), 'unavailable', 'etcdserver: no leader');
    await api.call(kv.range, get('a', { serializable: true }));
  });

  test('what is not built says so by name', async () => {
    const api = new TestApi();
    for (const { path } of Object.values(authService.methods)) {
      const words = `${path.slice(1)} is not built yet`;
      await assertFails(api.raw(path, new Uint8Array(0)), 'unimplemented', words);
    }
  });
});

describe('the number of calls', () => {
  test('is limited, and a call that ends makes room', async () => {
    const api = new TestApi();
    const gate = Promise.withResolvers<void>();
    api.member.gate = gate.promise;
    const running = [1, 2, 3].map((number) => api.put(`${number}`, ''));
    await assertFails(api.put('4', ''), 'resource-exhausted', 'etcdserver: too many requests');
    gate.resolve();
    await Promise.all(running);
    await api.put('4', '');
  });

  test('goes to zero when the server stops: those that run end, no others begin', async () => {
    const api = new TestApi();
    const gate = Promise.withResolvers<void>();
    api.member.gate = gate.promise;
    const running = api.put('1', '');
    const drained = api.limit.drain(api.clock, 2_000);
    await assertFails(api.put('2', ''), 'unavailable', 'etcdserver: server stopped');
    gate.resolve();
    await Promise.all([running, drained]);
    assert.equal(api.clock.pendingTimers, 0);
  });

  test('is not waited for longer than the grace', async () => {
    const api = new TestApi();
    api.member.gate = new Promise(() => undefined);
    void api.put('1', '').catch(() => undefined);
    const drained = api.limit.drain(api.clock, 2_000);
    api.clock.advance(2_000);
    await drained;
  });
});

describe('RangeStream', () => {
  async function filled(keys: number): Promise<TestApi> {
    const api = new TestApi();
    for (let number = 0; number < keys; number += 1)
      await api.put(`k/${String(number).padStart(4, '0')}`, 'v');
    return api;
  }
  const all = RangeRequest.create({ key: bytes('k/'), rangeEnd: bytes('k0') });

  test('answers in parts, of which the last one has the header and the count', async () => {
    const api = await filled(600);
    const parts = await api.collect(kv.rangeStream, all);
    assert.deepEqual(
      parts.map(({ rangeResponse }) => [
        rangeResponse?.kvs.length,
        rangeResponse?.header?.revision,
        rangeResponse?.count,
      ]),
      [
        [256, undefined, 0],
        [256, undefined, 0],
        [88, 601, 600],
      ],
    );
    const keys = parts.flatMap(({ rangeResponse }) =>
      (rangeResponse?.kvs ?? []).map((each) => Buffer.from(each.key).toString()),
    );
    assert.deepEqual(keys, [...keys].sort());
    assert.equal(new Set(keys).size, 600);
  });

  test('is of one revision, whatever is written meanwhile', async () => {
    const api = await filled(300);
    const method = kv.rangeStream;
    const seen: number[] = [];
    const request = RangeRequest.encode(all).finish();
    const invoke = createApi({
      member: api.member,
      health: api.health,
      watch,
      stopping: new AbortController().signal,
      diagnosis: noDiagnosis,
      guards: [],
      clock: api.clock,
      logger: api.logger,
      times: { timeoutMaxMs: 7_000, answerReserveMs: 150 },
      statistics: new CallStatistics(),
    }).find((each) => each.path === method.path);
    assert(invoke?.kind === 'server-stream');
    for await (const [part] of invoke.invoke(request, incoming({}))) {
      assert(part !== undefined);
      seen.push(method.response.decode(part).rangeResponse?.kvs.length ?? 0);
      await api.put('k/0299-later', 'v');
      await api.call(kv.deleteRange, DeleteRangeRequest.create({ key: bytes('k/0280') }));
    }
    assert.deepEqual(seen, [256, 44]);
  });

  test('keeps to the limit', async () => {
    const api = await filled(600);
    const parts = await api.collect(kv.rangeStream, { ...all, limit: 300 });
    assert.deepEqual(
      parts.map(({ rangeResponse }) => [
        rangeResponse?.kvs.length,
        rangeResponse?.more,
        rangeResponse?.count,
      ]),
      [
        [256, true, 0],
        [44, true, 600],
      ],
    );
  });

  test('counts alone, and nothing at all, are one part', async () => {
    const api = await filled(300);
    const [counted, ...others] = await api.collect(kv.rangeStream, { ...all, countOnly: true });
    assert.equal(counted?.rangeResponse?.count, 300);
    assert.equal(others.length, 0);
    const nothing = await api.collect(kv.rangeStream, RangeRequest.create({ key: bytes('none') }));
    assert.deepEqual(
      nothing.map(({ rangeResponse }) => rangeResponse?.count),
      [0],
    );
  });

  test('refuses an order that would need all of it in memory', async () => {
    const api = new TestApi();
    const sorted = { ...all, sortOrder: RangeRequest_SortOrder.DESCEND };
    await assertFails(api.collect(kv.rangeStream, sorted), 'unimplemented', /use Range$/);
    await assertFails(
      api.collect(kv.rangeStream, { ...all, minModRevision: 3 }),
      'unimplemented',
      /use Range$/,
    );
  });
});

describe('the cluster and the member', () => {
  test('a member that has never started has an address and no name', async () => {
    const api = new TestApi();
    const publishMember = { memberId: api.member.id, name: 'n0', clientUrls: ['http://10.0.0.0:2379'] };
    await api.member.propose({ $case: 'publishMember', publishMember }, { deadlineMs: 1_000 });
    const { members } = await api.call(clusterService.methods.memberList, { linearizable: true });
    assert.deepEqual(members, [
      {
        ID: 0xabcn,
        name: 'n0',
        peerURLs: ['http://10.0.0.0:2380'],
        clientURLs: ['http://10.0.0.0:2379'],
        isLearner: false,
      },
      { ID: 0xdefn, name: '', peerURLs: ['http://10.0.0.1:2380'], clientURLs: [], isLearner: true },
    ]);
    assert.equal(api.member.reads.length, 1);
  });

  test('a change of members answers with the list as it is afterwards, and with what was asked for', async () => {
    const api = new TestApi();
    const { memberAdd, memberRemove, memberUpdate, memberPromote } = clusterService.methods;
    const peerURLs = ['http://10.0.0.9:2380'];
    for (const isLearner of [false, true]) {
      const { member, members } = await api.call(memberAdd, { peerURLs, isLearner });
      assert.deepEqual(member, { ID: 0x111n, name: '', peerURLs, clientURLs: [], isLearner });
      assert.equal(members.find(({ ID }) => ID === 0x111n)?.isLearner, true, 'until it has caught up');
    }
    await api.call(memberRemove, { ID: 0xdefn });
    await api.call(memberUpdate, { ID: 0xdefn, peerURLs });
    assert.equal((await api.call(memberPromote, { ID: 0xdefn })).members.length, 2);
    const add = { kind: 'add', name: '', peerUrls: peerURLs } as const;
    assert.deepEqual(api.member.changes, [
      { ...add, becomesVoter: true },
      { ...add, becomesVoter: false },
      { kind: 'remove', id: 0xdefn },
      { kind: 'update-peer-urls', id: 0xdefn, peerUrls: peerURLs },
      { kind: 'promote', id: 0xdefn },
    ]);
  });

  test('a change of members that makes no sense is refused before anyone is asked', async () => {
    const api = new TestApi();
    const { memberAdd, memberRemove } = clusterService.methods;
    const [url] = ['http://10.0.0.9:2380'];
    for (const peerURLs of [[], ['10.0.0.9'], [url, url]]) {
      await assertFails(
        api.call(memberAdd, { peerURLs, isLearner: false }),
        'invalid-argument',
        'etcdserver: given member URLs are invalid',
      );
    }
    await assertFails(api.call(memberRemove, { ID: 0n }), 'not-found', 'etcdserver: member not found');
    assert.deepEqual(api.member.changes, []);
  });

  test('a member without a vote serves its status, its health and reads that may be stale, and no more', async () => {
    const api = new TestApi();
    api.member.votes = false;
    await api.call(maintenanceService.methods.status, {});
    await api.call(healthService.methods.check, { service: '' });
    await api.call(kv.range, get('a', { serializable: true }));
    for (const refused of [
      api.call(kv.range, get('a')),
      api.put('a', '1'),
      api.call(clusterService.methods.memberList, { linearizable: false }),
    ]) {
      await assertFails(refused, 'failed-precondition', 'etcdserver: rpc not supported for learner');
    }
  });

  test('the status names version, leader and sizes, and what is wrong', async () => {
    const api = new TestApi();
    await api.put('a', '1');
    const status = await api.call(maintenanceService.methods.status, {});
    assert.match(status.version, /^3\.\d+\.\d+$/);
    assert.equal(status.leader, 0xabcn);
    assert.equal(status.raftAppliedIndex, 1);
    assert.deepEqual(status.errors, []);
    api.member.leader = null;
    const orphaned = await api.call(maintenanceService.methods.status, {});
    assert.equal(orphaned.leader, 0n);
    assert.deepEqual(orphaned.errors, ['etcdserver: no leader']);
  });

  test('alarms are raised, shown in the status, and cleared', async () => {
    const api = new TestApi();
    const { alarm, status } = maintenanceService.methods;
    assert.deepEqual((await api.call(alarm, AlarmRequest.create({}))).alarms, []);
    const noSpace = { memberID: 0xabcn, alarm: AlarmType.NOSPACE };
    const raised = await api.call(alarm, { action: AlarmRequest_AlarmAction.ACTIVATE, ...noSpace });
    assert.deepEqual(raised.alarms, [noSpace]);
    assert.deepEqual((await api.call(alarm, AlarmRequest.create({}))).alarms, [noSpace]);
    assert.deepEqual((await api.call(status, {})).errors, ['memberID:2748 alarm:NOSPACE ']);
    await assertFails(api.put('a', '1'), 'resource-exhausted', 'etcdserver: mvcc: database space exceeded');
    await api.call(alarm, { action: AlarmRequest_AlarmAction.DEACTIVATE, ...noSpace });
    await api.put('a', '1');
    const unknown = AlarmRequest.create({ action: 1, alarm: 7 as AlarmType });
    await assertFails(api.call(alarm, unknown), 'invalid-argument', /unknown alarm/);
  });

  test('a member with wrong data serves operators, and nothing from its data', async () => {
    const api = new TestApi();
    api.member.isIsolated = true;
    await assertFails(api.put('a', '1'), 'data-loss', 'etcdserver: corrupt cluster');
    const serializable = { key: bytes('a'), serializable: true };
    await assertFails(
      api.call(kv.range, RangeRequest.create(serializable)),
      'data-loss',
      'etcdserver: corrupt cluster',
    );
    await api.call(maintenanceService.methods.status, {});
    await api.call(clusterService.methods.memberList, { linearizable: false });
  });

  test('hashes are of a revision, and say which one and how far it is compacted', async () => {
    const api = new TestApi();
    const { hashKV, hash } = maintenanceService.methods;
    await api.put('a', '1');
    const first = await api.call(hashKV, { revision: 0 });
    assert.deepEqual([first.hashRevision, first.compactRevision, first.header?.revision], [2, 0, 2]);
    assert.equal((await api.call(hash, {})).hash, first.hash);
    await api.put('a', '2');
    assert.deepEqual((await api.call(hashKV, { revision: 2 })).hash, first.hash);
    assert.notEqual((await api.call(hashKV, { revision: 3 })).hash, first.hash);
    await api.call(kv.compact, CompactionRequest.create({ revision: 3 }));
    const compacted = await api.call(hashKV, { revision: 3 });
    assert.equal(compacted.compactRevision, 3);
    await assertFails(
      api.call(hashKV, { revision: 2 }),
      'out-of-range',
      'etcdserver: mvcc: required revision has been compacted',
    );
    await assertFails(
      api.call(hashKV, { revision: 4 }),
      'out-of-range',
      'etcdserver: mvcc: required revision is a future revision',
    );
  });

  test('there is nothing to defragment and no downgrade to prepare', async () => {
    const api = new TestApi();
    const { defragment, downgrade } = maintenanceService.methods;
    assert.equal((await api.call(defragment, {})).header?.memberId, 0xabcn);
    const request = { action: 1, version: '3.5.0' } as const;
    await assertFails(api.call(downgrade, request), 'unimplemented', /there is no downgrade to prepare/);
  });

  test('leadership moves to a voter, or to nobody', async () => {
    const api = new TestApi();
    const { moveLeader } = maintenanceService.methods;
    await api.call(moveLeader, MoveLeaderRequest.create({ targetID: 0xdefn }));
    for (const targetID of [0n, 0x123n]) {
      const work = api.call(moveLeader, MoveLeaderRequest.create({ targetID }));
      await assertFails(work, 'failed-precondition', 'etcdserver: bad leader transferee');
    }
  });

  test('health is told for the server and for each service', async () => {
    const api = new TestApi();
    const { check, watch } = healthService.methods;
    for (const service of ['', 'etcdserverpb.KV']) {
      assert.deepEqual(await api.call(check, { service }), { status: 1 });
    }
    await assertFails(api.call(check, { service: 'no.such' }), 'not-found', 'unknown service no.such');
    const unknown = health.HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN;
    assert.deepEqual(await api.collect(watch, { service: 'no.such' }), [{ status: unknown }]);
    const watched = api.collect(watch, { service: '' });
    api.health.stop();
    assert.deepEqual((await watched).at(-1), { status: 2 });
  });
});
