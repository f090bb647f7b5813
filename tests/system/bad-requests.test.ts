import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { operation, QuorateClient } from '@quorate/client';
import { quorate } from './harness/command.ts';
import { rejectsWithCode } from './harness/eventually.ts';
import { freePorts } from './harness/free-ports.ts';
import { rawGrpcCall } from './harness/raw-grpc.ts';
import { SilentServer } from './harness/silent-server.ts';
import { TestCluster } from './harness/test-cluster.ts';

/** gRPC's numbers for the statuses that bad requests get. */
const invalidArgument = '3';
const unimplemented = '12';
const internal = '13';

describe('bad requests', () => {
  let cluster: TestCluster;
  let term: number;

  before(async () => {
    cluster = await TestCluster.start();
    await cluster.client.put('key', 'kept');
    ({ term } = await cluster.status(await cluster.leader()));
  });

  after(async () => {
    try {
      // Whatever was sent: nobody crashed, nobody was deposed and nothing was lost.
      assert.equal(cluster.running.length, 3);
      assert.equal((await cluster.status(await cluster.leader())).term, term);
      assert.equal((await cluster.client.get('key'))?.text(), 'kept');
      assert.deepEqual(await cluster.agreedContent(), ['key=kept @2 v1']);
    } finally {
      await cluster[Symbol.asyncDispose]();
    }
  });

  /** Runs the CLI against the cluster; it must fail with one line on its error output, which is returned. */
  async function failingCommand(...args: readonly string[]): Promise<string> {
    const environment = { QUORATE_ENDPOINTS: cluster.endpoints.join(',') };
    const { code, stdout, stderr } = await quorate(args, { environment });
    assert(code !== null && code !== 0, `it ended with ${code}`);
    assert.equal(stdout, '');
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    return stderr;
  }

  test('an empty key', async () => {
    await rejectsWithCode(cluster.client.put('', 'value'), 'key-not-provided');
    assert.match(await failingCommand('put', '', 'value'), /key/);
    const { status, message } = await rawGrpcCall(
      cluster.member(0).endpoint,
      '/etcdserverpb.KV/Put',
      Buffer.alloc(0),
    );
    assert.equal(status, invalidArgument);
    assert.equal(message, 'etcdserver: key is not provided');
  });

  test('a value over 1.5 MiB', async () => {
    const value = 'x'.repeat(1.5 * 1024 * 1024);
    await rejectsWithCode(cluster.client.put('large', value), 'request-too-large');
    const environment = { QUORATE_ENDPOINTS: cluster.endpoints.join(',') };
    const { code, stderr } = await quorate(['put', 'large'], { environment, stdin: value });
    assert(code !== 0);
    assert.match(stderr, /too large/);
    assert.equal(await cluster.client.get('large'), null);
  });

  test('more than 128 operations in a transaction', async () => {
    const transaction = cluster.client.transaction();
    for (let number = 0; number < 129; number += 1) {
      transaction.then(operation.put(`many/${number}`, 'value'));
    }
    await rejectsWithCode(transaction.commit(), 'too-many-operations');
    assert.equal(await cluster.client.count({ prefix: 'many/' }), 0);
  });

  test('a key that a transaction puts twice', async () => {
    const work = cluster.client
      .transaction()
      .then(operation.put('twice', '1'), operation.put('twice', '2'))
      .commit();
    await rejectsWithCode(work, 'duplicate-key');
    assert.equal(await cluster.client.get('twice'), null);
  });

  test('a malformed protobuf message', async () => {
    const truncated = Buffer.from([0x0a, 0x7f, 0x01]);
    for (const method of ['KV/Put', 'KV/Range', 'KV/Txn', 'KV/DeleteRange', 'Maintenance/Status']) {
      const { status } = await rawGrpcCall(cluster.member(0).endpoint, `/etcdserverpb.${method}`, truncated);
      assert([invalidArgument, internal].includes(status), `${method}: ${status}`);
    }
  });

  test('a method that does not exist', async () => {
    const { status } = await rawGrpcCall(
      cluster.member(0).endpoint,
      '/etcdserverpb.KV/Juggle',
      Buffer.alloc(0),
    );
    assert.equal(status, unimplemented);
  });

  test('bytes that are no protocol at all, on the client port and on the peer port', async () => {
    for (const member of cluster.members) {
      for (const port of [member.plan.clientPort, member.plan.peerPort]) {
        await new Promise<void>((resolve) => {
          const socket = connect(port, '127.0.0.1');
          socket.on('error', () => undefined); // The member may reset the connection: so much the better.
          socket.on('connect', () => socket.write(Buffer.alloc(100_000, 0xff)));
          socket.on('close', () => resolve());
        });
      }
    }
  });

  test('an endpoint whose host does not exist', async () => {
    const line = await failingCommand('get', 'key', '--endpoints=no-such-host.invalid:2379');
    assert.match(line, /no-such-host\.invalid/);
  });

  test('an endpoint that refuses connections', async () => {
    const [port] = await freePorts(1);
    assert.match(
      await failingCommand('get', 'key', `--endpoints=127.0.0.1:${port}`),
      new RegExp(String(port)),
    );
  });

  test('an endpoint that never answers', async () => {
    await using silent = await SilentServer.listen();
    await using client = new QuorateClient({ endpoints: silent.endpoint });
    await rejectsWithCode(client.get('key', { timeoutMs: 1_000 }), 'unavailable', 'deadline-exceeded');
    const line = await failingCommand('get', 'key', `--endpoints=${silent.endpoint}`, '--timeout=1s');
    assert(line.includes(silent.endpoint), line);
  });

  test('one endpoint of several that never answers does not stop a request', async () => {
    await using silent = await SilentServer.listen();
    await using client = new QuorateClient({
      endpoints: [silent.endpoint, ...cluster.endpoints],
      timeoutMs: 20_000,
    });
    assert.equal((await client.get('key'))?.text(), 'kept');
  });

  test('an unknown command and an unknown flag', async () => {
    assert.match(await failingCommand('fetch', 'key'), /fetch/);
    assert.match(await failingCommand('get', 'key', '--endponts=x'), /--endponts/);
  });
});
