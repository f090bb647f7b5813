import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfiguration } from '../configuration/parse-configuration.ts';
import type { ServerConfiguration } from '../configuration/server-configuration.ts';
import { ServerError } from '../server-error.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { discoverMembers, discoveryTimeoutMs } from './discover-members.ts';
import type { Dns, ServiceRecord } from './dns.ts';

function configure(name: string, peerUrl: string, ...flags: readonly string[]): ServerConfiguration {
  return parseConfiguration({
    flags: [
      `--name=${name}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      '--discovery-srv=example.com',
      ...flags,
    ],
    environment: {},
    readFile: () => assert.fail('no file is named'),
  }).configuration;
}

type Zone = {
  readonly services?: Readonly<Record<string, readonly ServiceRecord[]>>;
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
};

class ZoneDns implements Dns {
  readonly asked: string[] = [];
  isCancelled = false;
  readonly #zone: Zone;

  constructor(zone: Zone) {
    this.#zone = zone;
  }

  async services(name: string): Promise<readonly ServiceRecord[]> {
    this.asked.push(name);
    return this.#zone.services?.[name] ?? [];
  }

  async addresses(host: string): Promise<readonly string[]> {
    this.asked.push(host);
    return this.#zone.addresses?.[host] ?? [];
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

const records = [1, 2, 3].map((place) => ({ host: `N${place}.example.com.`, port: 2380 }));
const plain = '_etcd-server._tcp.example.com';

async function discover(
  configuration: ServerConfiguration,
  dns: Dns,
  clock = new ManualClock(),
  signal?: AbortSignal,
): Promise<ServerConfiguration> {
  return discoverMembers(configuration, { dns, clock, signal });
}

async function failureOf(discovery: Promise<unknown>, code = 'discovery-failed'): Promise<string> {
  const error = await discovery.then(
    () => assert.fail('members were discovered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ServerError, String(error));
  assert.equal(error.code, code);
  return error.message;
}

describe('SRV records', () => {
  test('found the same cluster on all members, whatever they are called and in whatever order records come', async () => {
    const n1 = await discover(
      configure('one', 'http://n1.example.com:2380'),
      new ZoneDns({ services: { [plain]: records } }),
    );
    const n3 = await discover(
      configure('three', 'http://n3.example.com:2380'),
      new ZoneDns({ services: { [plain]: records.toReversed() } }),
    );
    assert.equal(n1.clusterId, n3.clusterId);
    assert.deepEqual(n1.members, n3.members);
    assert.deepEqual(n1.initialCluster, [
      { name: 'n1.example.com:2380', peerUrl: 'http://n1.example.com:2380' },
      { name: 'n2.example.com:2380', peerUrl: 'http://n2.example.com:2380' },
      { name: 'n3.example.com:2380', peerUrl: 'http://n3.example.com:2380' },
    ]);
    const nameOf = ({ members, memberId }: ServerConfiguration): string | undefined =>
      members.find(({ id }) => id === memberId)?.name;
    assert.equal(nameOf(n1), 'n1.example.com:2380');
    assert.equal(nameOf(n3), 'n3.example.com:2380');
    assert.equal(n1.name, 'one');
  });

  test('are asked for with the suffix', async () => {
    const staging = '_etcd-server-staging._tcp.example.com';
    const dns = new ZoneDns({ services: { [staging]: records } });
    const configuration = configure('n1', 'http://n1.example.com:2380', '--discovery-srv-name=staging');
    assert.equal((await discover(configuration, dns)).members.length, 3);
    assert.deepEqual(dns.asked, [staging]);
    assert.ok(dns.isCancelled);
  });

  test('may lead to this member by its address', async () => {
    const addresses = { 'n1.example.com': ['10.0.0.1'], 'n2.example.com': ['10.0.0.2', 'fd00::2'] };
    const zone = { services: { [plain]: records }, addresses: { ...addresses, '10.0.0.2': ['10.0.0.2'] } };
    const { members, memberId } = await discover(configure('n2', 'http://10.0.0.2:2380'), new ZoneDns(zone));
    assert.equal(members.find(({ id }) => id === memberId)?.name, 'n2.example.com:2380');
    const elsewhere = await failureOf(discover(configure('n2', 'http://10.0.0.2:2381'), new ZoneDns(zone)));
    assert.match(elsewhere, /is not among those/, 'the port counts');
  });

  test('name whom a member that joins asks, itself not included', async () => {
    const configuration = configure('n4', 'http://n4.example.com:2380', '--initial-cluster-state=existing');
    const found = await discover(configuration, new ZoneDns({ services: { [plain]: records } }));
    assert.equal(found.initialCluster.length, 3);
  });

  test('are not asked for unless that is wanted', async () => {
    const configuration = { ...configure('n1', 'http://n1:2380'), discovery: null };
    const dns = new ZoneDns({});
    assert.equal(await discover(configuration, dns), configuration);
    assert.deepEqual(dns.asked, []);
  });
});

describe('discovery fails and says why when', () => {
  const own = configure('n1', 'http://n1.example.com:2380');
  const cannot = 'the members cannot be discovered: ';

  test('there are no records', async () => {
    const expected = `${cannot}${plain} has no SRV records; add one for each member, or correct discovery-srv and discovery-srv-name`;
    assert.equal(await failureOf(discover(own, new ZoneDns({}))), expected);
    const none = new ZoneDns({ services: { [plain]: [{ host: '.', port: 0 }] } });
    assert.equal(await failureOf(discover(own, none)), expected);
  });

  test('there are only records for TLS', async () => {
    const secure = '_etcd-server-ssl._tcp.example.com';
    assert.equal(
      await failureOf(discover(own, new ZoneDns({ services: { [secure]: records } }))),
      `${cannot}only ${secure} has records, and members do not talk by TLS yet; add records for ${plain}, or state initial-cluster`,
    );
  });

  test('this member is not among them', async () => {
    const other = configure('n9', 'http://n9.example.com:2380');
    assert.equal(
      await failureOf(discover(other, new ZoneDns({ services: { [plain]: records.slice(0, 2) } }))),
      `${cannot}this member, at http://n9.example.com:2380, is not among those that DNS names, http://n1.example.com:2380, http://n2.example.com:2380; correct initial-advertise-peer-urls or the records`,
    );
  });

  test('several records lead to it', async () => {
    const ip = '10.0.0.1';
    const addresses = { [ip]: [ip], 'n1.example.com': [ip], 'n2.example.com': [ip] };
    assert.equal(
      await failureOf(
        discover(
          configure('n1', `http://${ip}:2380`),
          new ZoneDns({ services: { [plain]: records }, addresses }),
        ),
      ),
      `${cannot}several records lead to http://${ip}:2380: http://n1.example.com:2380, http://n2.example.com:2380; set initial-advertise-peer-urls to the one that is meant`,
    );
  });

  test('a record names no place, or there are too many', async () => {
    const nowhere = new ZoneDns({ services: { [plain]: [{ host: 'n1', port: 0 }] } });
    assert.match(await failureOf(discover(own, nowhere)), /has a record that names no place to connect to/);
    const many = Array.from({ length: 10 }, (_, place) => ({ host: `n${place}`, port: 2380 }));
    const crowd = new ZoneDns({ services: { [plain]: many } });
    assert.match(await failureOf(discover(own, crowd)), /names 10 members; a cluster has at most 9/);
  });

  test('the name servers fail', async () => {
    const dns = new ZoneDns({});
    dns.services = async () => Promise.reject(new Error('querySrv ESERVFAIL'));
    assert.equal(
      await failureOf(discover(own, dns)),
      `${cannot}looking up ${plain} failed: querySrv ESERVFAIL; check this host's name servers and try again`,
    );
  });

  test('there is no answer in time, or the start is called off; nothing stays behind', async () => {
    const clock = new ManualClock();
    const silent = (): ZoneDns => {
      const dns = new ZoneDns({});
      dns.services = async () => new Promise(() => undefined);
      return dns;
    };
    const late = silent();
    const failed = failureOf(discover(own, late, clock));
    clock.advance(discoveryTimeoutMs);
    assert.match(await failed, /DNS did not answer within 10000 ms/);
    assert.ok(late.isCancelled);

    const starting = new AbortController();
    const cancelled = failureOf(discover(own, silent(), clock, starting.signal), 'start-cancelled');
    starting.abort();
    await cancelled;
    assert.equal(clock.pendingTimers, 0);
  });
});
