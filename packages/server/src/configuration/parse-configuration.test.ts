import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from './configuration-error.ts';
import { parseConfiguration } from './parse-configuration.ts';

const cluster = 'n1=http://127.0.0.1:2380,n2=http://127.0.0.1:22380,n3=http://127.0.0.1:32380';

type Given = { flags?: string[]; environment?: Record<string, string>; file?: string };

function parse(given: Given) {
  const flags = [
    ...(given.flags ?? []),
    ...(given.file === undefined ? [] : ['--config-file', 'quorate.yaml']),
  ];
  return parseConfiguration({
    flags,
    environment: given.environment ?? {},
    readFile: (path) => {
      if (path !== 'quorate.yaml') throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      return Buffer.from(given.file ?? '');
    },
  });
}

function configurationOf(given: Given) {
  return parse(given).configuration;
}

test('a member that is told nothing is a cluster of its own on loopback', () => {
  const configuration = configurationOf({});
  assert.equal(configuration.name, 'default');
  assert.equal(configuration.dataDir, 'default.quorate');
  assert.deepEqual(configuration.listenClientUrls, ['http://127.0.0.1:2379']);
  assert.deepEqual(configuration.listenPeerUrls, ['http://127.0.0.1:2380']);
  assert.deepEqual(configuration.initialCluster, [{ name: 'default', peerUrl: 'http://127.0.0.1:2380' }]);
  assert.equal(configuration.members.length, 1);
  assert.equal(configuration.members[0]?.id, configuration.memberId);
  assert.equal(configuration.electionTimeout, 1000);
  assert.equal(configuration.heartbeatInterval, 100);
  assert.equal(configuration.maxRequestBytes, 1_572_864);
  assert.equal(configuration.maxTxnOps, 128);
  assert.equal(configuration.engine, 'sqlite');
});

test('a flag goes before a variable, that before the file, and that before the default', () => {
  const file = 'name: from-file\ndata-dir: file-dir\nheartbeat-interval: 20\n';
  const environment = { QUORATE_NAME: 'from-environment', QUORATE_DATA_DIR: 'environment-dir' };
  const configuration = configurationOf({ flags: ['--name=from-flag'], environment, file });
  assert.equal(configuration.name, 'from-flag');
  assert.equal(configuration.dataDir, 'environment-dir');
  assert.equal(configuration.heartbeatInterval, 20);
  assert.equal(configuration.electionTimeout, 1000);
});

test('the configuration file may be named by a variable', () => {
  const { configuration } = parseConfiguration({
    flags: [],
    environment: { QUORATE_CONFIG_FILE: '/etc/quorate.json' },
    readFile: (path) => Buffer.from(path === '/etc/quorate.json' ? '{"name": "n7", "max-txn-ops": 9}' : ''),
  });
  assert.equal(configuration.name, 'n7');
  assert.equal(configuration.maxTxnOps, 9);
});

test('a file may write lists and maps, and its scalars are text as written', () => {
  const file = [
    'name: 007',
    'listen-client-urls: [http://127.0.0.1:1, "http://[::1]:2"]',
    'max-request-bytes: 2MiB',
    'initial-cluster:',
    '  007: http://127.0.0.1:2380',
    '  n2: http://127.0.0.1:22380',
  ].join('\n');
  const configuration = configurationOf({ file });
  assert.equal(configuration.name, '007');
  assert.deepEqual(configuration.listenClientUrls, ['http://127.0.0.1:1', 'http://[::1]:2']);
  assert.equal(configuration.maxRequestBytes, 2 * 1024 * 1024);
  assert.equal(configuration.members.length, 2);
});

test('all founding members derive the same identities, whatever order they were told the cluster in', () => {
  const reordered = cluster.split(',').reverse().join(',');
  const n1 = configurationOf({ flags: ['--name', 'n1', '--initial-cluster', cluster] });
  const n2 = configurationOf({ flags: ['--name', 'n2', '--initial-cluster', reordered] });
  assert.equal(n1.clusterId, n2.clusterId);
  assert.deepEqual(n1.members, n2.members);
  assert.notEqual(n1.memberId, n2.memberId);
  const elsewhere = configurationOf({
    flags: ['--name', 'n1', '--initial-cluster', cluster, '--initial-cluster-token', 'other'],
  });
  assert.notEqual(elsewhere.clusterId, n1.clusterId);
  assert.notEqual(elsewhere.memberId, n1.memberId);
});

test('the identities never change: data directories remember them', () => {
  const { clusterId, memberId } = configurationOf({ flags: ['--name', 'n1', '--initial-cluster', cluster] });
  assert.equal(clusterId.toString(16), '39eb9aed17e3a715');
  assert.equal(memberId.toString(16), 'c7c5c0c916a27c33');
});

test('a member in a cluster advertises its place there unless told otherwise', () => {
  const flags = ['--name', 'n2', '--initial-cluster', cluster, '--listen-peer-urls', 'http://0.0.0.0:22380'];
  assert.deepEqual(configurationOf({ flags }).initialAdvertisePeerUrls, ['http://127.0.0.1:22380']);
});

const badInput: readonly [string, Given, string][] = [
  ['an unknown flag', { flags: ['--nmae', 'n1'] }, '--nmae is no option; did you mean --name?'],
  [
    'a flag that resembles none',
    { flags: ['--force-new-universe'] },
    '--force-new-universe is no option; see quorate serve --help for those that exist',
  ],
  ['an argument that is no flag', { flags: ['n1'] }, '"n1" is unexpected; options are written as --name n1'],
  ['a flag without a value', { flags: ['--name'] }, '--name: has no value; write it as --NAME VALUE'],
  ['a flag given twice', { flags: ['--name', 'a', '--name=b'] }, '--name: is given twice; give it once'],
  [
    'a name that shells and lists trip over',
    { flags: ['--name', 'a=b'] },
    '--name: "a=b" is no member name; use up to 64 letters, digits, ".", "_" and "-", such as n1',
  ],
  [
    'a number that is none',
    { environment: { QUORATE_HEARTBEAT_INTERVAL: 'fast' } },
    'QUORATE_HEARTBEAT_INTERVAL: "fast" is not a whole number of milliseconds from 10 to 10000',
  ],
  [
    'a number out of range',
    { flags: ['--election-timeout', '60000'] },
    '--election-timeout: "60000" is not a whole number of milliseconds from 50 to 50000',
  ],
  [
    'a size out of range',
    { flags: ['--max-request-bytes', '1GiB'] },
    '--max-request-bytes: "1GiB" is no size of 1KiB to 16MiB; write it as 1572864 or 1.5MiB',
  ],
  [
    'a word that is none of the choices',
    { flags: ['--engine', 'rocksdb'] },
    '--engine: "rocksdb" is none of sqlite, lmdb, memory',
  ],
  [
    'a mode that is not built yet',
    { flags: ['--replication', 'nilext'] },
    '--replication: nilext is not built yet; use pipelined, which it will extend',
  ],
  [
    'a URL with TLS',
    { flags: ['--listen-client-urls', 'https://127.0.0.1:2379'] },
    '--listen-client-urls: "https://127.0.0.1:2379" asks for TLS, which is not built yet; use http://',
  ],
  [
    'a URL without a port',
    { flags: ['--listen-client-urls', 'http://127.0.0.1'] },
    '--listen-client-urls: "http://127.0.0.1" is no base URL; write it as http://HOST:PORT, such as http://127.0.0.1:2379',
  ],
  [
    'an advertised wildcard',
    { flags: ['--advertise-client-urls', 'http://0.0.0.0:2379'] },
    '--advertise-client-urls: "http://0.0.0.0:2379" cannot be connected to; advertise an address that others can reach',
  ],
  [
    'a wildcard without an advertised address',
    { flags: ['--listen-client-urls', 'http://0.0.0.0:2379'] },
    'clients cannot connect to http://0.0.0.0:2379; state advertise-client-urls',
  ],
  [
    'a peer wildcard without an advertised address',
    { flags: ['--listen-peer-urls', 'http://[::]:2380'] },
    'http://[::]:2380 cannot be connected to; state initial-advertise-peer-urls',
  ],
  [
    'two members with one name',
    { flags: ['--initial-cluster', 'n1=http://127.0.0.1:1,n1=http://127.0.0.1:2'] },
    '--initial-cluster: names the member n1 twice; give each member a name of its own',
  ],
  [
    'two members with one URL',
    { flags: ['--initial-cluster', 'n1=http://127.0.0.1:1,n2=http://127.0.0.1:1/'] },
    '--initial-cluster: gives http://127.0.0.1:1 to both n1 and n2; give each member a URL of its own',
  ],
  [
    'a member without a URL',
    { flags: ['--initial-cluster', 'n1'] },
    '--initial-cluster: "n1" is not NAME=URL; write n1=http://127.0.0.1:2380,n2=...',
  ],
  [
    'a name that is not in the cluster',
    { flags: ['--name', 'n9', '--initial-cluster', cluster] },
    'name n9 is not in initial-cluster, which names n1, n2, n3; correct one of them',
  ],
  [
    'a peer URL that the cluster does not know',
    {
      flags: [
        '--name',
        'n1',
        '--initial-cluster',
        cluster,
        '--initial-advertise-peer-urls',
        'http://127.0.0.1:9',
      ],
    },
    'initial-advertise-peer-urls is http://127.0.0.1:9, but initial-cluster gives n1 the URL http://127.0.0.1:2380; they must be the same',
  ],
  [
    'two sources of members',
    {
      flags: ['--name=n1', '--initial-cluster', cluster, '--discovery-srv=example.com'],
    },
    'discovery-srv and initial-cluster both name the members; state one of them',
  ],
  [
    'a suffix for nothing',
    { flags: ['--discovery-srv-name=staging'] },
    'discovery-srv-name means nothing without discovery-srv',
  ],
  [
    'a domain that is none',
    { flags: ['--discovery-srv=http://example.com'] },
    '--discovery-srv: "http://example.com" cannot be a name in DNS; write it as example.com',
  ],
  [
    'an election timeout too close to the heartbeat',
    { flags: ['--heartbeat-interval', '300'] },
    'election-timeout (1000 ms) must be at least 5 times heartbeat-interval (300 ms); set it to 1500 or more',
  ],
  [
    'an unknown key',
    { file: 'name: n1\n\nlisten-peer-url: x\n' },
    'quorate.yaml, line 3: listen-peer-url is no option; did you mean listen-peer-urls?',
  ],
  ['a key without a value', { file: 'name:\n' }, 'quorate.yaml, line 1, name: has no value'],
  [
    'a list where one value is due',
    { file: 'name: [a, b]\n' },
    'quorate.yaml, line 1, name: must be a single value, not a list or a map',
  ],
  [
    'a file that is no map',
    { file: '- name\n' },
    'quorate.yaml: must be a map from option to value, such as "name: n1"',
  ],
  [
    'a file in a file',
    { file: 'config-file: x\n' },
    'quorate.yaml, line 1: config-file is no option; see quorate serve --help for those that exist',
  ],
  [
    'a file that does not exist',
    { flags: ['--config-file', 'missing.yaml'] },
    "configuration file missing.yaml: cannot be read: ENOENT: no such file or directory, open 'missing.yaml'",
  ],
];

for (const [what, given, line] of badInput) {
  test(`${what} gives one clear line`, () => {
    assert.throws(
      () => parse(given),
      (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.equal(error.message, line);
        return true;
      },
    );
  });
}

test('a file that is not YAML is refused with the line of the mistake', () => {
  assert.throws(
    () => parse({ file: 'name: n1\nengine: "sqlite\n' }),
    /^ConfigurationError: quorate\.yaml, line \d: is neither YAML nor JSON: /,
  );
});

test('a file that is too large is refused', () => {
  assert.throws(() => parse({ file: '#'.repeat(1024 * 1024 + 1) }), /quorate\.yaml: has 1048577 bytes/);
});

test('every mistake is reported at once', () => {
  assert.throws(
    () => parse({ flags: ['--engine', 'x', '--bogus', '1'], environment: { QUORATE_NAME: '' } }),
    (error) => error instanceof ConfigurationError && error.problems.length === 3,
  );
});

test('a misspelt variable is warned about, and strangers are left alone', () => {
  const environment = {
    QUORATE_DATADIR: 'x',
    QUORATE_SERVICE_HOST: '10.0.0.1',
    QUORATE_ENDPOINTS: 'x',
    PATH: '/bin',
  };
  assert.deepEqual(parse({ environment }).warnings, [
    'QUORATE_DATADIR is no option; did you mean QUORATE_DATA_DIR?',
  ]);
});

test('a very large quota is warned about, and 8 GiB is not', () => {
  assert.deepEqual(parse({ flags: ['--quota-backend-bytes', '8GiB'] }).warnings, []);
  const [warning = ''] = parse({ flags: ['--quota-backend-bytes', '8.5GiB'] }).warnings;
  assert.match(warning, /^quota-backend-bytes is above 8GiB: /);
});

test('automatic compaction is written as for etcd', () => {
  const policy = (...flags: readonly string[]): unknown =>
    parse({ flags: [...flags] }).configuration.autoCompaction;
  assert.equal(policy(), null);
  assert.equal(policy('--auto-compaction-retention=0'), null);
  assert.equal(policy('--auto-compaction-retention=0s', '--auto-compaction-mode=revision'), null);
  assert.deepEqual(policy('--auto-compaction-retention=2'), { mode: 'periodic', retentionMs: 7_200_000 });
  assert.deepEqual(policy('--auto-compaction-retention=30m'), { mode: 'periodic', retentionMs: 1_800_000 });
  assert.deepEqual(policy('--auto-compaction-mode=revision', '--auto-compaction-retention=1000'), {
    mode: 'revision',
    revisions: 1000,
  });
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--auto-compaction-retention=-1'], /--auto-compaction-retention: "-1" is negative; give 0/],
    [['--auto-compaction-retention=-1h'], /"-1h" is negative/],
    [['--auto-compaction-retention=soon'], /"soon" is no time/],
    [['--auto-compaction-retention=1h', '--auto-compaction-mode=revision'], /must be a number of revisions/],
    [['--auto-compaction-mode=daily'], /"daily" is none of periodic, revision/],
  ];
  for (const [flags, message] of wrong) {
    assert.throws(() => parse({ flags: [...flags] }), message, flags.join(' '));
  }
});
