import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ConfigurationError } from './configuration-error.ts';
import { etcdFlags, findEtcdFlag } from './etcd-flags.ts';
import { etcdFlagsPage } from './etcd-flags-page.ts';
import { options } from './options.ts';
import { type ParsedConfiguration, parseConfiguration } from './parse-configuration.ts';

function parse(
  flags: readonly string[],
  environment: Record<string, string> = {},
  file = '',
): ParsedConfiguration {
  return parseConfiguration({ flags, environment, readFile: () => Buffer.from(file) });
}

function refusalOf(flags: readonly string[], environment: Record<string, string> = {}): string {
  try {
    parse(flags, environment);
  } catch (error) {
    assert(error instanceof ConfigurationError);
    return error.message;
  }
  return assert.fail(`${flags.join(' ')} was taken`);
}

const optionNames: ReadonlySet<string> = new Set(Object.values(options).map((option) => option.name));

test('docs/etcd-flags.md is what the table makes of it', () => {
  const path = new URL('../../../../docs/etcd-flags.md', import.meta.url);
  assert.equal(
    readFileSync(path, 'utf8'),
    etcdFlagsPage(),
    'regenerate it with: npm run generate --workspace=@quorate/server',
  );
});

describe('every flag of etcd', () => {
  for (const { name, kind, default: etcdDefault, note } of etcdFlags) {
    test(`--${name} is ${kind}, as the table says`, () => {
      assert.equal(optionNames.has(name), kind === 'same' || kind === 'differs');
      switch (kind) {
        case 'same':
          assert.deepEqual(parse([`--${name}`, etcdDefault]).warnings, []);
          break;
        case 'differs':
          assert.notEqual(note, '');
          break;
        case 'idle': {
          assert.deepEqual(parse([`--${name}=${etcdDefault}`]).warnings, []);
          assert.deepEqual(parse([`--${name}=7`]).warnings, [`--${name} changes nothing: ${note}`]);
          break;
        }
        case 'fixed': {
          assert.deepEqual(parse([`--${name}=${etcdDefault}`]).warnings, []);
          const refusal = refusalOf([`--${name}=7`]);
          assert.ok(refusal.startsWith(`--${name}: is not supported: ${note}; `), refusal);
          break;
        }
      }
    });
  }
});

test('no flag stands in the table twice', () => {
  assert.equal(new Set(etcdFlags.map((flag) => flag.name)).size, etcdFlags.length);
});

test('what etcd is started with starts a member', () => {
  const { configuration, warnings } = parse([
    '-name',
    'n1',
    '-data-dir=/tmp/n1',
    '--listen-client-urls',
    'http://127.0.0.1:12379',
    '--advertise-client-urls=http://127.0.0.1:12379',
    '--initial-cluster-state=new',
    '--pre-vote',
    '--strict-reconfig-check=true',
    '--logger=zap',
    '--max-snapshots',
    '3',
    '--experimental-watch-progress-notify-interval=5s',
  ]);
  assert.equal(configuration.name, 'n1');
  assert.equal(configuration.dataDir, '/tmp/n1');
  assert.equal(configuration.watchProgressNotifyInterval, 5_000);
  assert.deepEqual(warnings, [`--max-snapshots changes nothing: ${findEtcdFlag('max-snapshots')?.note}`]);
});

test("etcd's variables count, after our own", () => {
  const environment = {
    ETCD_NAME: 'etcds',
    ETCD_DATA_DIR: '/tmp/etcd',
    ETCD_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL: '7s',
    ETCD_CERT_FILE: '',
    ETCD_ENGINE: 'none',
    QUORATE_NAME: 'ours',
  };
  const { configuration } = parse([], environment);
  assert.equal(configuration.name, 'ours');
  assert.equal(configuration.dataDir, '/tmp/etcd');
  assert.equal(configuration.watchProgressNotifyInterval, 7_000);
  assert.match(refusalOf([], { ETCD_CERT_FILE: '/a' }), /^ETCD_CERT_FILE: is not supported: there is no TLS/);
  assert.match(
    refusalOf([], { ETCD_MAX_TXN_OPS: 'many' }),
    /^ETCD_MAX_TXN_OPS: "many" is not a whole number/,
  );
});

test("a file may have etcd's keys, too", () => {
  const file = 'name: n1\nmax-wals: 9\nlog-outputs: [stderr]\nclient-cert-auth: false\n';
  const { configuration, warnings } = parse([], { ETCD_CONFIG_FILE: 'etcd.yaml' }, file);
  assert.equal(configuration.name, 'n1');
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /line 2, max-wals changes nothing/);
  assert.match(warnings[1] ?? '', /line 3, log-outputs changes nothing/);
});
