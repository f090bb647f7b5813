import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  type AskedShape,
  memberEnvironment,
  portsOf,
  settleShape,
  writeClusterFiles,
} from './cluster-plan.ts';

const nothing: AskedShape = {
  members: undefined,
  basePort: undefined,
  engine: undefined,
  replication: undefined,
};

async function temporary(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-plan-'));
  context.after(() => rm(directory, { recursive: true }));
  return join(directory, 'data');
}

test('members take the ports that the documentation names, or pairs from a base port on', () => {
  const shape = { members: 5, basePort: null, engine: 'sqlite', replication: 'pipelined' };
  const clients = portsOf(shape).map(({ client }) => client);
  assert.deepEqual(clients, [2_379, 22_379, 32_379, 42_379, 52_379]);
  assert.ok(portsOf(shape).every(({ client, peer }) => peer === client + 1));
  assert.deepEqual(
    portsOf({ ...shape, basePort: 100 }).map(({ client }) => client),
    [100, 102, 104, 106, 108],
  );
  assert.throws(() => portsOf({ ...shape, basePort: 65_530 }), { exitCode: 2, message: /leaves no room/ });
});

test('a cluster is started again as it was', async (context) => {
  const directory = await temporary(context);
  const asked = { members: 5, basePort: 7_000, engine: 'memory', replication: 'vanilla' };
  await writeClusterFiles(directory, await settleShape(directory, asked));
  assert.deepEqual(await settleShape(directory, nothing), asked);
  const changed = await settleShape(directory, { ...nothing, engine: 'sqlite' });
  assert.equal(changed.engine, 'sqlite', 'the engine may change: the log restores it');
});

test('what would make other members of the members is refused', async (context) => {
  const directory = await temporary(context);
  await writeClusterFiles(directory, await settleShape(directory, nothing));
  await assert.rejects(settleShape(directory, { ...nothing, members: 5 }), {
    exitCode: 1,
    message: `${directory} holds a cluster of 3 members, not 5`,
  });
  await assert.rejects(settleShape(directory, { ...nothing, basePort: 7_000 }), /has its ports from 2379 on/);
});

test('nothing is remembered before the files are written', async (context) => {
  const directory = await temporary(context);
  await settleShape(directory, { ...nothing, members: 5 });
  assert.equal((await settleShape(directory, nothing)).members, 3);
});

test('directories that hold something else are refused', async (context) => {
  const directory = await temporary(context);
  await mkdir(directory);
  await writeFile(join(directory, 'thesis.tex'), '');
  await assert.rejects(
    settleShape(directory, nothing),
    /is not empty, and no cluster of quorate up is in it/,
  );
  await writeFile(join(directory, 'cluster.json'), 'what?');
  await assert.rejects(settleShape(directory, nothing), /is damaged: it is no JSON/);
  await writeFile(join(directory, 'cluster.json'), '{"formatVersion":2}');
  await assert.rejects(settleShape(directory, nothing), /has format version 2/);
  await assert.rejects(settleShape(join(directory, 'thesis.tex'), nothing), /it exists and is no directory/);
});

test('unknown engines and modes are refused', async (context) => {
  const directory = await temporary(context);
  await assert.rejects(settleShape(directory, { ...nothing, engine: 'rocks' }), {
    exitCode: 2,
    message: /--engine.*rocks/,
  });
  await assert.rejects(settleShape(directory, { ...nothing, replication: 'nilext' }), {
    exitCode: 2,
    message: /not built yet/,
  });
});

test('each member gets a configuration file that "quorate serve" takes', async (context) => {
  const directory = await temporary(context);
  const plans = await writeClusterFiles(
    directory,
    await settleShape(directory, { ...nothing, basePort: 7_000 }),
  );
  assert.deepEqual(
    plans.map(({ name, clientPort, peerPort }) => [name, clientPort, peerPort]),
    [
      ['m1', 7_000, 7_001],
      ['m2', 7_002, 7_003],
      ['m3', 7_004, 7_005],
    ],
  );
  assert.equal(new Set(plans.map(({ id }) => id)).size, 3);
  const second = JSON.parse(await readFile(join(directory, 'm2.json'), 'utf8'));
  assert.equal(second['data-dir'], join(directory, 'm2'));
  assert.deepEqual(second['listen-client-urls'], ['http://127.0.0.1:7002']);
});

test('variables meant for another member do not reach those of the cluster', () => {
  const environment = { PATH: '/bin', QUORATE_NAME: 'x', QUORATE_DATA_DIR: 'y', QUORATE_LOG_LEVEL: 'debug' };
  assert.deepEqual(memberEnvironment(environment), { PATH: '/bin', QUORATE_LOG_LEVEL: 'debug' });
});
