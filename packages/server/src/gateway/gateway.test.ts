import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { kvService, WatchResponse, watchService } from '@quorate/protocol';
import { ReplicaError } from '@quorate/replica';
import { type BidiHandler, bidiStream } from '../api/api-method.ts';
import { bindMethod } from '../api/bind-method.ts';
import { CallStatistics } from '../api/call-statistics.ts';
import { StreamLimit } from '../api/stream-limit.ts';
import { HttpServer } from '../http/http-server.ts';
import { Listener } from '../listen/listener.ts';
import { SystemClock } from '../platform/system-clock.ts';
import { RecordingLogger } from '../testing/recording-logger.ts';
import { TestFrontend } from '../testing/test-frontend.ts';
import { until } from '../testing/until.ts';
import { Gateway } from './gateway.ts';

const { watch } = watchService.methods;

async function post(url: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** Everything that is answered is compared to the letter: clients parse it in many ways. */
async function assertAnswers(url: string, body: object, expected: string): Promise<void> {
  const { status, text } = await post(url, JSON.stringify(body));
  assert.equal(text, expected);
  assert.equal(status, 200);
}

async function assertFails(url: string, body: string, status: number, code: number, message: string) {
  const answered = await post(url, body);
  assert.equal(answered.text, JSON.stringify({ error: message, message, code }));
  assert.equal(answered.status, status);
  assert.equal(answered.headers.get('content-type'), 'application/json');
}

const header = '"header":{"cluster_id":"193","member_id":"2748","revision":';

describe('a call by JSON', () => {
  test('does what the same call by gRPC does', async () => {
    await using frontend = await TestFrontend.open();
    const url = `${frontend.url}/v3/kv`;
    const head = (revision: number): string => `{${header}"${revision}","raft_term":"7"}`;
    const kv = '{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}';
    await assertAnswers(`${url}/put`, { key: 'Zm9v', value: 'YmFy' }, `${head(2)}}`);
    await assertAnswers(`${url}/range`, { key: 'Zm9v' }, `${head(2)},"kvs":[${kv}],"count":"1"}`);
    await assertAnswers(
      `${url}/txn`,
      {
        compare: [{ target: 'VERSION', key: 'Zm9v', result: 'GREATER', version: '0' }],
        success: [
          { requestRange: { key: 'Zm9v' } },
          { request_put: { key: 'Zm9v', value: 'MQ==', prev_kv: true } },
        ],
      },
      `${head(3)},"succeeded":true,"responses":[` +
        `{"response_range":{"header":{"revision":"2"},"kvs":[${kv}],"count":"1"}},` +
        `{"response_put":{"header":{"revision":"3"},"prev_kv":${kv}}}]}`,
    );
    await assertAnswers(`${url}/compaction`, { revision: '3', physical: true }, `${head(3)}}`);
    await assertAnswers(
      `${url}/deleterange`,
      { key: 'AA==', range_end: 'AA==' },
      `${head(4)},"deleted":"1"}`,
    );
    await assertAnswers(`${url}/range`, { key: 'Zm9v', count_only: true }, `${head(4)}}`);
  });

  test('answers for the cluster and the member', async () => {
    await using frontend = await TestFrontend.open();
    const { text } = await post(`${frontend.url}/v3/cluster/member/list`, '{}');
    assert.deepEqual(JSON.parse(text), {
      header: { cluster_id: '193', member_id: '2748', raft_term: '7' },
      members: [
        { ID: '2748', peerURLs: ['http://10.0.0.0:2380'] },
        { ID: '3567', peerURLs: ['http://10.0.0.1:2380'], isLearner: true },
      ],
    });
    const status = await post(`${frontend.url}/v3/maintenance/status`, '');
    assert.match(status.text, /"version":"3\.6\.\d+",.*"leader":"2748"/);
  });

  test('is served where it was before, too', async () => {
    await using frontend = await TestFrontend.open();
    const { status } = await post(`${frontend.url}/v3beta/kv/range`, '{"key":"Zm9v"}');
    assert.equal(status, 200);
  });

  test('needs no content type, and no query', async () => {
    await using frontend = await TestFrontend.open();
    const { status } = await post(`${frontend.url}/v3/kv/range?pretty=1`, '{"key":"Zm9v"}', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    assert.equal(status, 200);
  });
});

describe('a call by JSON that fails', () => {
  test("carries etcd's words and the status for them", async () => {
    await using frontend = await TestFrontend.open();
    const url = `${frontend.url}/v3/kv`;
    await assertFails(`${url}/range`, '{}', 400, 3, 'etcdserver: key is not provided');
    await assertFails(`${url}/range`, '', 400, 3, 'etcdserver: key is not provided');
    const future = 'etcdserver: mvcc: required revision is a future revision';
    await assertFails(`${url}/range`, '{"key":"YQ==","revision":"100"}', 400, 11, future);
    frontend.member.failure = new ReplicaError('unknown-outcome', '');
    const lost = await post(`${url}/put`, '{"key":"YQ=="}');
    assert.equal(lost.status, 503);
    assert.equal(lost.headers.get('quorate-outcome'), 'unknown');
    assert.equal((JSON.parse(lost.text) as { code: number }).code, 14);
  });

  test('says what is wrong with the JSON', async () => {
    await using frontend = await TestFrontend.open();
    const url = `${frontend.url}/v3/kv/range`;
    const wrong = 'the request is not valid:';
    const field = `${wrong} kye: etcdserverpb.RangeRequest has no such field`;
    await assertFails(url, '{"kye":"Zm9v"}', 400, 3, field);
    await assertFails(
      url,
      '{"key":5}',
      400,
      3,
      `${wrong} key: should be a string in base64, and is a number`,
    );
    const cut = await post(url, '{"key":"Zm9v"');
    assert.equal(cut.status, 400);
    assert.match(cut.text, /the request is not valid: .*JSON/);
  });

  test('finds nothing, or not by that method', async () => {
    await using frontend = await TestFrontend.open();
    assert.equal((await post(`${frontend.url}/v3/kv/juggle`, '{}')).status, 404);
    const got = await fetch(`${frontend.url}/v3/kv/range`);
    assert.equal(got.status, 405);
    assert.equal(got.headers.get('allow'), 'POST');
    const notBuilt = await post(`${frontend.url}/v3/auth/enable`, '{}');
    assert.equal(notBuilt.status, 501);
  });

  test('is bounded in size and in time', async () => {
    await using frontend = await TestFrontend.open();
    const url = `${frontend.url}/v3/kv/put`;
    const body = (bytes: number): string => `{"key":"YQ==","value":"${'A'.repeat(bytes)}"}`;
    assert.equal((await post(url, body(1_000_000))).status, 200);
    const { status, text } = await post(url, body(4_000_000));
    assert.equal(status, 429);
    assert.match(text, /larger than \d+ bytes/);
  });

  test('is heard by the guards, with the metadata of its headers', async () => {
    await using frontend = await TestFrontend.open();
    frontend.member.leader = null;
    const body = '{"key":"YQ==","serializable":true}';
    const url = `${frontend.url}/v3/kv/range`;
    assert.equal((await post(url, body)).status, 200);
    const answered = await post(url, body, { 'grpc-metadata-hasleader': 'true' });
    assert.equal(answered.status, 503);
    assert.match(answered.text, /etcdserver: no leader/);
  });

  test('leaves the member alone when its client goes', async () => {
    await using frontend = await TestFrontend.open();
    frontend.member.gate = new Promise(() => undefined);
    const abort = new AbortController();
    const call = fetch(`${frontend.url}/v3/kv/put`, {
      method: 'POST',
      body: '{"key":"YQ=="}',
      signal: abort.signal,
    });
    await until('the call has reached the member', () => frontend.member.proposals.length === 1);
    abort.abort();
    await assert.rejects(call);
    await until('the member knows', () => frontend.member.proposals[0]?.call.signal?.aborted === true);
  });
});

/** A gateway with a stream of the test's own, on a real port. */
class StreamGateway implements AsyncDisposable {
  readonly limit = new StreamLimit({ streamsMax: 4, connectionStreamsMax: 2 });
  private readonly listener: Listener;

  static async open(
    handle: BidiHandler<unknown, WatchResponse>,
    bodyTimeoutMs = 10_000,
  ): Promise<StreamGateway> {
    const clock = new SystemClock();
    const urls = ['http://127.0.0.1:0'];
    const listener = await Listener.open({ urls, option: 'test', connectionsMax: 10, clock });
    return new StreamGateway(listener, handle, bodyTimeoutMs);
  }

  private constructor(
    listener: Listener,
    handle: BidiHandler<unknown, WatchResponse>,
    bodyTimeoutMs: number,
  ) {
    const clock = new SystemClock();
    const logger = new RecordingLogger();
    const times = { timeoutMaxMs: 7_000, answerReserveMs: 150 };
    const method = bindMethod(bidiStream(watch, handle), {
      guards: [this.limit.guard],
      clock,
      logger,
      times,
      statistics: new CallStatistics(),
    });
    const unary = {
      kind: 'unary',
      path: '/etcdserverpb.KV/Put',
      invoke: async () => new Uint8Array(),
    } as const;
    const gateway = new Gateway([method, unary], [watch, kvService.methods.put], {
      clock,
      bodyMaxBytes: 1_000,
      bodyTimeoutMs,
      receivingMaxBytes: 2_000,
    });
    const server = new HttpServer(
      async (request, response) => gateway.handle(request, response, request.url ?? ''),
      { clock, logger },
    );
    this.listener = listener;
    listener.serve((socket) => server.accept(socket));
  }

  get url(): string {
    return `${this.listener.urls[0] ?? ''}/v3/watch`;
  }

  /** Begins a request whose body is still to come. */
  begin(): {
    readonly write: (text: string) => void;
    readonly end: (text?: string) => void;
    readonly destroy: () => void;
    readonly response: Promise<IncomingMessage>;
  } {
    const request = httpRequest(this.url, { method: 'POST' });
    request.on('error', () => undefined);
    request.flushHeaders();
    return {
      write: (text) => request.write(text),
      end: (text = '') => request.end(text),
      destroy: () => request.destroy(),
      response: once(request, 'response').then(([response]) => response as IncomingMessage),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.close(new SystemClock(), 0);
  }
}

const answerEach: BidiHandler<unknown, WatchResponse> = async function* (requests) {
  let watchId = 0n;
  for await (const _ of requests) yield WatchResponse.fromPartial({ watchId: (watchId += 1n) });
};

describe('a stream by JSON', () => {
  test('answers each request with a line, while the requests still come', async () => {
    await using gateway = await StreamGateway.open(answerEach);
    const call = gateway.begin();
    call.write('{"create_request":{"key":"YQ=="}}{"create');
    const response = await call.response;
    assert.equal(response.statusCode, 200);
    response.setEncoding('utf8');
    const [first] = (await once(response, 'data')) as [string];
    assert.equal(first, '{"result":{"watch_id":"1"}}\n');
    call.end('_request":{}}\n{}');
    let rest = '';
    for await (const chunk of response as AsyncIterable<string>) rest += chunk;
    assert.equal(rest, '{"result":{"watch_id":"2"}}\n{"result":{"watch_id":"3"}}\n');
  });

  test('fails with a status before its first answer, and with a last line after it', async () => {
    await using gateway = await StreamGateway.open(answerEach);
    const early = await post(gateway.url, '{"create_request":{"start_revision":"x"}}');
    assert.equal(early.status, 400);
    const late = await post(gateway.url, '{"create_request":{}}{"creat":{}}');
    assert.equal(late.status, 200);
    const [first, second] = late.text.split('\n');
    assert.equal(first, '{"result":{"watch_id":"1"}}');
    assert.deepEqual(JSON.parse(second ?? ''), {
      error: {
        grpc_code: 3,
        http_code: 400,
        message: 'the request is not valid: creat: etcdserverpb.WatchRequest has no such field',
        http_status: 'Bad Request',
        code: 3,
      },
    });
  });

  test('goes on after the last request if its handler does', async () => {
    const gate = Promise.withResolvers<void>();
    await using gateway = await StreamGateway.open(async function* (requests) {
      for await (const _ of requests) yield WatchResponse.create();
      await gate.promise;
      yield WatchResponse.fromPartial({ watchId: 9n });
    });
    const call = gateway.begin();
    call.end('{}');
    const response = await call.response;
    response.setEncoding('utf8');
    assert.deepEqual(await once(response, 'data'), ['{"result":{}}\n']);
    gate.resolve();
    assert.deepEqual(await once(response, 'data'), ['{"result":{"watch_id":"9"}}\n']);
  });

  test('hears the metadata of its headers', async () => {
    await using gateway = await StreamGateway.open(async function* (_requests, context) {
      const heard = ['authorization', 'hasleader', 'cookie'].map((name) => context.metadata(name));
      yield WatchResponse.fromPartial({ cancelReason: JSON.stringify(heard) });
    });
    const headers = { authorization: 'a token', 'grpc-metadata-hasleader': 'true', cookie: 'no metadata' };
    const { text } = await post(gateway.url, '{}', headers);
    const { result } = JSON.parse(text) as { result: { cancel_reason: string } };
    assert.deepEqual(JSON.parse(result.cancel_reason), ['a token', 'true', null]);
  });

  test('ends with its client', async () => {
    await using gateway = await StreamGateway.open(answerEach);
    const call = gateway.begin();
    call.write('{}');
    await call.response;
    assert.equal(gateway.limit.size, 1);
    call.destroy();
    await until('the stream is forgotten', () => gateway.limit.size === 0);
  });

  test('ends with the server', async () => {
    await using gateway = await StreamGateway.open(answerEach);
    const call = gateway.begin();
    call.write('{}');
    const response = await call.response;
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    gateway.limit.stop();
    await once(response, 'end');
    assert.match(text, /\{"error":.*"message":"etcdserver: server stopped"/);
  });

  test('pauses while its client does not read', async () => {
    let yielded = 0;
    await using gateway = await StreamGateway.open(async function* () {
      for (; yielded < 100_000; yielded += 1) {
        yield WatchResponse.fromPartial({ cancelReason: 'x'.repeat(1_000) });
      }
    });
    const call = gateway.begin();
    call.end('{}');
    await call.response;
    let last = 0;
    let looks = 0;
    await until('the handler stands still', () => {
      looks = yielded === last ? looks + 1 : 0;
      last = yielded;
      return looks === 30;
    });
    assert.ok(yielded < 100_000, 'it made answers for nobody');
    call.destroy();
  });

  test('is bounded in what it sends', async () => {
    await using gateway = await StreamGateway.open(answerEach);
    const { status, text } = await post(gateway.url, `{"create_request":{"key":"${'A'.repeat(1_200)}"}}`);
    assert.equal(status, 429);
    assert.match(text, /larger than 1000 bytes/);
  });
});

test('a request that does not come to its end is given up', async () => {
  await using gateway = await StreamGateway.open(answerEach, 50);
  const request = httpRequest(gateway.url.replace('watch', 'kv/put'), { method: 'POST' });
  request.on('error', () => undefined);
  request.write('{');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 504);
  assert.equal(response.headers.connection, 'close');
  response.resume();
});
