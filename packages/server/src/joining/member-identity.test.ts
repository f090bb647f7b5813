import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toLogIndex, toMemberId } from '@quorate/raft';
import type { Identity } from '@quorate/storage';
import { parseConfiguration } from '../configuration/parse-configuration.ts';
import type { ServerConfiguration } from '../configuration/server-configuration.ts';
import { compareWithLog } from './compare-with-log.ts';
import { memberIdentity } from './member-identity.ts';

const joined = { clusterId: 0xc1n, memberId: toMemberId(0x4n), joinedAt: toLogIndex(7), joinedPeers: [] };

function configure(...flags: readonly string[]): ServerConfiguration {
  const readFile = (): never => assert.fail('no file is named');
  return parseConfiguration({ flags: ['--name=n1', ...flags], environment: {}, readFile }).configuration;
}

async function identify(configuration: ServerConfiguration, found: Identity | null): Promise<Identity> {
  return memberIdentity(configuration, found, async () => joined);
}

const three = '--initial-cluster=n1=http://n1:2380,n2=http://n2:2380,n3=http://n3:2380';
const four = `${three},n4=http://n4:2380`;

describe('a member is', () => {
  test('new: who its configuration says, with the word that went into that', async () => {
    const configuration = configure(three);
    const { clusterId, memberId } = configuration;
    assert.deepEqual(await identify(configuration, null), {
      clusterId,
      memberId,
      name: 'n1',
      token: 'quorate-cluster',
      unpublished: true,
    });
  });

  test('new in a cluster that runs: who that says', async () => {
    const configuration = configure('--initial-cluster-state=existing', three);
    assert.deepEqual(await identify(configuration, null), { ...joined, name: 'n1' });
  });

  test('afterwards: who its directory says, whatever became of the cluster', async () => {
    const founded = await identify(configure(three), null);
    assert.deepEqual(await identify(configure(four), founded), founded);
    assert.deepEqual(await identify(configure(), founded), founded);
    const { token: _, ...old } = founded;
    assert.deepEqual(await identify(configure(four), old), old, 'from before the token was kept');
    const newcomer = { ...joined, name: 'n1' };
    assert.deepEqual(await identify(configure(), newcomer), newcomer);
  });

  test('somebody else by another name or another word', async () => {
    const founded = await identify(configure(three), null);
    const elsewhere = await identify(configure(three, '--initial-cluster-token=other'), founded);
    assert.notEqual(elsewhere.clusterId, founded.clusterId);
    const other = await identify({ ...configure(three), name: 'n2' }, founded);
    assert.equal(other.name, 'n2');
  });
});

describe('a configuration that the log contradicts', () => {
  const addresses = ['n1', 'n2', 'n3'].map((name, place) => {
    return { id: toMemberId(BigInt(place + 1)), name, peerUrls: [`http://${name}:2380`] };
  });
  const logged = {
    voters: addresses.map(({ id }) => id),
    outgoingVoters: [],
    learners: [],
    learnersNext: [],
    addresses,
  };
  const self = toMemberId(1n);

  test('is told what to do', () => {
    assert.deepEqual(compareWithLog(configure(three), self, logged), []);
    assert.deepEqual(
      compareWithLog(configure('--initial-advertise-peer-urls=http://n1:2380'), self, logged),
      [],
    );
    const [more] = compareWithLog(configure(four), self, logged);
    assert.match(more ?? '', /the members are now at .*n3:2380; initial-cluster says otherwise/);
    const [moved] = compareWithLog(configure('--listen-peer-urls=http://n9:2380'), self, logged);
    assert.match(moved ?? '', /run "quorate member update 1 --peer-url http:\/\/n9:2380"/);
  });

  test('is let be while the member does not know itself', () => {
    assert.deepEqual(compareWithLog(configure(four), toMemberId(9n), logged), []);
  });
});
