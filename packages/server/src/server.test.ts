import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { PutRequest, RangeRequest } from '@quorate/protocol';
import { DataDirectory } from '@quorate/storage';
import { NodeFileSystem } from '@quorate/storage/node';
import { parseConfiguration } from './configuration/parse-configuration.ts';
import type { ServerConfiguration } from './configuration/server-configuration.ts';
import { discoverMembers } from './discovery/discover-members.ts';
import { type Dns, SystemDns } from './discovery/dns.ts';
import { SystemClock } from './platform/system-clock.ts';
import { SystemRandom } from './platform/system-random.ts';
import { type RunningServer, startServer } from './server.ts';
import { ServerError } from './server-error.ts';
import { TestClient } from './testing/test-client.ts';
import { RecordingLogger } from './testing/recording-logger.ts';
import { until } from './testing/until.ts';

const directories: string[] = [];
const clients: TestClient[] = [];
const servers: RunningServer[] = [];

after(async () => {
  for (const client of clients) client.close();
  await Promise.all(servers.map((server) => server.close()));
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
});

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-server-'));
  directories.push(directory);
  return directory;
}

function configure(flags: readonly string[]): ServerConfiguration {
  const readFile = (): Buffer => assert.fail('no configuration file is named');
  return parseConfiguration({ flags, environment: {}, readFile }).configuration;
}

/** The configuration of a cluster of one, on ports that the system chooses unless told otherwise. */
function alone(dataDir: string, settings: Readonly<Record<string, string>> = {}): ServerConfiguration {
  const flags = {
    name: 'n1',
    'data-dir': dataDir,
    'listen-client-urls': 'http://127.0.0.1:0',
    'listen-peer-urls': 'http://127.0.0.1:0',
    'initial-cluster': 'n1=http://127.0.0.1:2380',
    'heartbeat-interval': '20',
    'election-timeout': '200',
    ...settings,
  };
  return configure(Object.entries(flags).map(([name, value]) => `--${name}=${value}`));
}

async function start(
  configuration: ServerConfiguration,
  logger = new RecordingLogger(),
  dns: Dns = new SystemDns(),
): Promise<RunningServer> {
  const server = await startServer(configuration, { logger, version: '0.0.0-test', dns });
  servers.push(server);
  return server;
}

function clientOf(server: RunningServer): TestClient {
  const client = new TestClient(server.clientUrls[0] ?? '');
  clients.push(client);
  return client;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function put(client: TestClient, key: string, value: string): Promise<void> {
  await client.kv.put(PutRequest.create({ key: bytes(key), value: bytes(value) }));
}

async function get(client: TestClient, key: string): Promise<string | null> {
  const { kvs } = await client.kv.range(RangeRequest.create({ key: bytes(key) }));
  return kvs[0] === undefined ? null : new TextDecoder().decode(kvs[0].value);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  server.close();
  await once(server, 'close');
  return address.port;
}

async function assertServerError(work: Promise<unknown>, code: string, text: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof ServerError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.ok(!error.message.includes('\n'), 'one line');
    return true;
  });
}

describe('a member alone', () => {
  for (const engine of ['sqlite', 'memory', 'lmdb']) {
    test(`keeps what it acknowledged, with engine ${engine}`, async () => {
      const configuration = alone(await newDirectory(), { engine });
      const first = await start(configuration);
      const client = clientOf(first);
      await put(client, 'greeting', 'hello');
      client.close();
      await first.close();
      const second = await start(configuration);
      assert.equal(await get(clientOf(second), 'greeting'), 'hello');
      await second.close();
    });
  }

  test('tells who it is', async () => {
    const server = await start(alone(await newDirectory(), { engine: 'memory' }));
    const client = clientOf(server);
    let names: string[] = [];
    while (names[0] !== 'n1') {
      const { members } = await client.cluster.memberList({ linearizable: true });
      names = members.map((member) => member.name);
      assert.deepEqual(members[0]?.peerURLs, ['http://127.0.0.1:2380']);
    }
    const { members } = await client.cluster.memberList({ linearizable: true });
    assert.deepEqual(members[0]?.clientURLs, server.clientUrls);
    const status = await client.maintenance.status({});
    assert.equal(status.leader, status.header?.memberId);
    assert.ok(status.raftTerm > 0);
    assert.deepEqual(status.errors, []);
    await server.close();
  });
});

describe('three members', () => {
  test('agree, go on without one, and welcome it back', async () => {
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    const initialCluster = ports.map((port, index) => `n${index + 1}=http://127.0.0.1:${port}`).join(',');
    const configurations = await Promise.all(
      ports.map(async (port, index) =>
        configure([
          `--name=n${index + 1}`,
          `--data-dir=${await newDirectory()}`,
          '--listen-client-urls=http://127.0.0.1:0',
          `--listen-peer-urls=http://127.0.0.1:${port}`,
          `--initial-cluster=${initialCluster}`,
          '--heartbeat-interval=50',
          '--election-timeout=500',
        ]),
      ),
    );
    const running = await Promise.all(configurations.map((configuration) => start(configuration)));
    const [n1, n2, n3] = running;
    assert(n1 !== undefined && n2 !== undefined && n3 !== undefined);
    await put(clientOf(n1), 'a', '1');
    assert.equal(await get(clientOf(n2), 'a'), '1');
    const leader = running.findIndex((server) => server.status().role === 'leader');
    const stopped = running[leader];
    const [other] = running.filter((server) => server !== stopped);
    assert(stopped !== undefined && other !== undefined);
    await stopped.close();
    await until(
      'another one leads',
      () => ![null, stopped.status().memberId].includes(other.status().leader),
    );
    await put(clientOf(other), 'a', '2');
    const configuration = configurations[leader];
    assert(configuration !== undefined);
    const again = await start(configuration);
    assert.equal(await get(clientOf(again), 'a'), '2');
    assert.equal(again.status().role, 'follower');
    await Promise.all([again, ...running].map((server) => server.close()));
  });
});

describe('members that DNS names', () => {
  const naming = (ports: readonly number[]): Dns => ({
    services: async () => ports.map((port) => ({ host: 'localhost', port })),
    addresses: async () => ['127.0.0.1'],
    cancel: () => undefined,
  });
  const silent: Dns = {
    services: async () => Promise.reject(new Error('querySrv EREFUSED')),
    addresses: async () => assert.fail('asked for an address'),
    cancel: () => undefined,
  };
  const member = async (name: string, listenUrl: string, peerUrl: string): Promise<ServerConfiguration> =>
    configure([
      `--name=${name}`,
      `--data-dir=${await newDirectory()}`,
      '--listen-client-urls=http://127.0.0.1:0',
      `--listen-peer-urls=${listenUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      '--discovery-srv=example.com',
      '--heartbeat-interval=50',
      '--election-timeout=500',
    ]);

  test('found a cluster, and are asked for no more', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const byName = await member('n1', `http://127.0.0.1:${first}`, `http://localhost:${first}`);
    const byAddress = await member('n2', `http://127.0.0.1:${second}`, `http://127.0.0.1:${second}`);
    const dns = naming([first, second]);
    const logger = new RecordingLogger();
    const [n1, n2] = await Promise.all([start(byName, logger, dns), start(byAddress, logger, dns)]);
    await put(clientOf(n1), 'a', '1');
    assert.equal(await get(clientOf(n2), 'a'), '1');
    await until('both have said who they are', () => logger.count('ready to serve client requests') === 2);
    const { members } = await clientOf(n1).cluster.memberList({ linearizable: true });
    assert.deepEqual(members.map(({ name }) => name).sort(), ['n1', 'n2']);
    await Promise.all([n1.close(), n2.close()]);
    const again = await Promise.all([start(byName, logger, silent), start(byAddress, logger, silent)]);
    assert.equal(await get(clientOf(again[0]), 'a'), '1');
    await Promise.all(again.map(async (server) => server.close()));
  });

  test('are asked for again by one that ended before its log began', async () => {
    const port = await freePort();
    const configuration = await member('n1', `http://127.0.0.1:${port}`, `http://localhost:${port}`);
    const dns = naming([port]);
    await assertServerError(
      start(configuration, new RecordingLogger(), silent),
      'discovery-failed',
      /EREFUSED/,
    );
    const parts = { dns, clock: new SystemClock(), signal: undefined };
    const { clusterId, memberId } = await discoverMembers(configuration, parts);
    const directory = await DataDirectory.open({
      fileSystem: new NodeFileSystem(),
      path: configuration.dataDir,
      random: new SystemRandom(),
      identity: { clusterId, memberId, name: 'n1', token: configuration.initialClusterToken },
    });
    await directory.close();
    await assertServerError(
      start(configuration, new RecordingLogger(), silent),
      'discovery-failed',
      /EREFUSED/,
    );
    const server = await start(configuration, new RecordingLogger(), dns);
    await put(clientOf(server), 'a', '1');
    assert.deepEqual([server.status().clusterId, server.status().memberId], [clusterId, memberId]);
    await server.close();
  });
});

describe('a start that fails leaves nothing behind', () => {
  test('a port in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    assert(address !== null && typeof address === 'object');
    const directory = join(await newDirectory(), 'data');
    for (const option of ['listen-client-urls', 'listen-peer-urls']) {
      const configuration = alone(directory, { [option]: `http://127.0.0.1:${address.port}` });
      await assertServerError(
        start(configuration),
        'port-in-use',
        new RegExp(`:${address.port} \\(${option}\\).*in use`),
      );
    }
    await assert.rejects(readdir(directory), /ENOENT/);
    holder.close();
    await once(holder, 'close');
    const server = await start(
      alone(directory, { 'listen-client-urls': `http://127.0.0.1:${address.port}` }),
    );
    await server.close();
  });

  test('an address that this machine does not have', async () => {
    const configuration = alone(await newDirectory(), { 'listen-peer-urls': 'http://192.0.2.1:2380' });
    await assertServerError(start(configuration), 'address-unavailable', /no such address/);
  });

  test('a data directory in use', async () => {
    const configuration = alone(await newDirectory());
    const server = await start(configuration);
    await assertServerError(start(configuration), 'locked', /in use/);
    await put(clientOf(server), 'still', 'served');
    await server.close();
  });

  test('a data directory of another cluster', async () => {
    const directory = await newDirectory();
    await (await start(alone(directory))).close();
    await assertServerError(
      start(alone(directory, { 'initial-cluster-token': 'other' })),
      'wrong-cluster',
      /belongs to/,
    );
    await (await start(alone(directory))).close();
  });

  test('a damaged log', async () => {
    const directory = await newDirectory();
    const configuration = alone(directory);
    const server = await start(configuration);
    const client = clientOf(server);
    for (let number = 0; number < 20; number += 1)
      await put(client, `key/${number}`, `easy to find ${number}`);
    client.close();
    await server.close();
    const log = join(directory, 'log');
    const contents = await Promise.all((await readdir(log)).map((name) => readFile(join(log, name))));
    const names = await readdir(log);
    const position = contents.findIndex((content) => content.includes('easy to find 3'));
    const [file, intact] = [join(log, names[position] ?? ''), contents[position] ?? Buffer.alloc(0)];
    const damaged = Buffer.from(intact);
    damaged.write('E', damaged.indexOf('easy to find 3'));
    await writeFile(file, damaged);
    await assertServerError(start(configuration), 'damaged', new RegExp(`^damaged.*${file} at offset \\d+`));
    assert.deepEqual(await readFile(file), damaged, 'nothing was changed');
    await writeFile(file, intact);
    const repaired = await start(configuration);
    assert.equal(await get(clientOf(repaired), 'key/3'), 'easy to find 3');
    await repaired.close();
  });

  test('a data directory that is a file', async () => {
    const file = join(await newDirectory(), 'file');
    await writeFile(file, '');
    await assert.rejects(start(alone(file)), ServerError);
  });

  test('a start that is called off', async () => {
    const configuration = alone(await newDirectory());
    for (const delayMs of [0, 1, 2, 5, 10, 20]) {
      const abort = new AbortController();
      const started = startServer(configuration, {
        logger: new RecordingLogger(),
        version: '0.0.0-test',
        signal: abort.signal,
      });
      setTimeout(() => abort.abort(), delayMs);
      const result = await started.catch((error: unknown) => error);
      if (result instanceof Error)
        assert.equal((result as ServerError).code, 'start-cancelled', String(result));
      else await (result as RunningServer).close();
    }
    await (await start(configuration)).close();
  });
});

describe('closing', () => {
  test('can be asked for twice, and frees the ports and the data directory', async () => {
    const configuration = alone(await newDirectory());
    const server = await start(configuration);
    await Promise.all([server.close(), server.close()]);
    await server.close();
    const [url] = server.clientUrls;
    const again = await start({ ...configuration, listenClientUrls: [url ?? ''] });
    await again.close();
  });

  test('answers the calls that run, one way or the other', async () => {
    const server = await start(alone(await newDirectory()));
    const client = clientOf(server);
    await put(client, 'warm', 'up');
    const calls = Array.from({ length: 50 }, (_, index) => put(client, `key/${index}`, 'x'.repeat(1000)));
    const [settled] = await Promise.all([Promise.allSettled(calls), server.close()]);
    for (const each of settled) {
      if (each.status === 'fulfilled') continue;
      const { code } = each.reason as { code: number };
      assert.equal(code, 14, String(each.reason));
    }
  });

  test('a member without a majority stops at once, and tells those who wait', async () => {
    const initialCluster = `n1=http://127.0.0.1:2380,n2=http://127.0.0.1:${await freePort()}`;
    const server = await start(alone(await newDirectory(), { 'initial-cluster': initialCluster }));
    const client = clientOf(server);
    const writing = put(client, 'a', '1').catch((error: unknown) => error);
    const reading = get(client, 'a').catch((error: unknown) => error);
    assert.equal((await client.health.check({ service: '' })).status, 1);
    await server.close();
    for (const failure of [await writing, await reading]) {
      const { code, details } = failure as { code: number; details: string };
      assert.equal(code, 14);
      assert.equal(details, 'etcdserver: server stopped');
    }
  });

  test('does not wait for clients that never say a word or never finish', async () => {
    const server = await start(alone(await newDirectory()));
    const client = clientOf(server);
    const statuses: number[] = [];
    const watching = client.watchHealth((status) => statuses.push(status));
    await until('the watcher is told that it serves', () => statuses.length === 1);
    await server.close();
    await watching;
    assert.deepEqual(statuses, [1, 2]);
  });
});

test('an engine whose file is none is set aside, and its content comes back from the log', async () => {
  const directory = await newDirectory();
  const first = await start(alone(directory));
  await put(clientOf(first), 'k', 'v');
  await first.close();
  const [file] = await readdir(join(directory, 'state'));
  await writeFile(
    join(directory, 'state', file ?? ''),
    'this is no database, and long enough to be looked at'.repeat(100),
  );
  const second = await start(alone(directory));
  assert.equal(await get(clientOf(second), 'k'), 'v');
  assert.deepEqual(await readdir(join(directory, 'state.damaged')), [file]);
  await second.close();
});
