import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { PutRequest } from '@quorate/protocol';
import { parseConfiguration } from '../configuration/parse-configuration.ts';
import { type RunningServer, startServer } from '../server.ts';
import { RecordingLogger } from '../testing/recording-logger.ts';
import { TestClient } from '../testing/test-client.ts';
import { memberMetrics } from './member-metrics.ts';
import { metricsPage } from './metrics-page.ts';

/** A member alone, with its port. */
async function start(dataDir: string): Promise<RunningServer> {
  const flags = ['--data-dir', dataDir, '--listen-client-urls', 'http://127.0.0.1:0'];
  flags.push(
    '--listen-metrics-urls',
    'http://127.0.0.1:0',
    '--listen-peer-urls',
    'http://127.0.0.1:0',
    '--initial-advertise-peer-urls',
    'http://127.0.0.1:1',
  );
  const { configuration } = parseConfiguration({
    flags,
    environment: {},
    readFile: () => Buffer.alloc(0),
  });
  return startServer(configuration, { logger: new RecordingLogger(), version: '1.2.3' });
}

/** The values of all metrics, by name and labels as they are written. */
async function scrape(url: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

test('docs/metrics.md is what the declarations make of it', async () => {
  assert.equal(
    await readFile(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8'),
    await metricsPage(),
    'regenerate it with: npm run generate --workspace=@quorate/server',
  );
});

test('a member tells what it does', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'quorate-metrics-'));
  const server = await start(directory);
  const [url = ''] = server.clientUrls;
  const client = new TestClient(url);
  try {
    await client.kv.put(PutRequest.create({ key: Buffer.from('a'), value: Buffer.from('1') }));
    await assert.rejects(client.kv.put(PutRequest.create()));
    await fetch(`${url}/v3/kv/put`, { method: 'POST', body: '{"key":"Yg=="}' });
    const [apart = ''] = server.metricsUrls;
    assert.equal((await fetch(`${apart}/readyz`)).status, 200);
    assert.equal(
      (await fetch(`${apart}/v3/kv/range`, { method: 'POST', body: '{"key":"Yg=="}' })).status,
      404,
    );
    assert.equal((await scrape(apart)).get('etcd_server_has_leader'), 1);
    const metrics = await scrape(url);
    const put = 'grpc_service="etcdserverpb.KV",grpc_method="Put",grpc_type="unary"';
    const expected: readonly [string, number][] = [
      ['etcd_server_has_leader', 1],
      ['etcd_server_is_leader', 1],
      ['etcd_server_leader_changes_seen_total', 1],
      ['etcd_server_proposals_pending', 0],
      ['etcd_debugging_mvcc_current_revision', 3],
      ['etcd_debugging_mvcc_keys_total', 2],
      [`grpc_server_started_total{${put}}`, 3],
      [`grpc_server_handled_total{${put},grpc_code="OK"}`, 2],
      [`grpc_server_handled_total{${put},grpc_code="InvalidArgument"}`, 1],
      ['quorate_members{role="voter"}', 1],
      ['quorate_calls_running', 0],
    ];
    for (const [name, value] of expected) assert.equal(metrics.get(name), value, name);
    const positive = [
      'etcd_server_proposals_applied_total',
      'etcd_disk_wal_fsync_duration_seconds_count',
      'etcd_disk_wal_write_bytes_total',
      'etcd_mvcc_db_total_size_in_bytes',
      'process_resident_memory_bytes',
      'quorate_raft_term',
    ];
    for (const name of positive) assert.ok((metrics.get(name) ?? 0) > 0, name);
    assert.deepEqual(
      [...metrics.keys()].filter((name) => name.startsWith('quorate_version_info')),
      [`quorate_version_info{version="1.2.3",node="${process.version}"}`],
    );
  } finally {
    client.close();
    await server.close();
    await rm(directory, { recursive: true });
  }
});

test('names are as Prometheus wants them', () => {
  for (const { name, kind } of memberMetrics) {
    assert.match(name, /^(etcd|grpc|quorate)_[a-z_]+$/);
    // etcd calls some gauges totals, too.
    if (kind === 'counter') assert.match(name, /_total$/);
  }
  assert.equal(new Set(memberMetrics.map(({ name }) => name)).size, memberMetrics.length);
});
