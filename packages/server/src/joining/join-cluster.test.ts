import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, describe, test } from 'node:test';
import { type Configuration, type MemberId, toLogIndex, toMemberId } from '@quorate/raft';
import { SystemClock } from '../platform/system-clock.ts';
import { encodeFrame } from '../peer/frame.ts';
import { type ClusterDescription, encodeDescription } from '../peer/inquiry.ts';
import { portOf } from '../peer/testing/peer-host.ts';
import { RecordingLogger } from '../testing/recording-logger.ts';
import { joinCluster } from './join-cluster.ts';

const own = 'http://127.0.0.1:9';
const n1 = toMemberId(1n);
const n4 = toMemberId(4n);
const opened: { close(): unknown }[] = [];
after(() => {
  for (const each of opened) each.close();
});

type Place = { readonly id: MemberId; readonly name?: string; readonly url?: string };

function configuration(voters: readonly Place[], learners: readonly Place[]): Configuration {
  const idsOf = (places: readonly Place[]): MemberId[] => places.map(({ id }) => id);
  return {
    voters: idsOf(voters),
    outgoingVoters: [],
    learners: idsOf(learners),
    learnersNext: [],
    addresses: [...voters, ...learners].map((place) => ({
      id: place.id,
      name: place.name ?? '',
      peerUrls: [place.url ?? `http://n${place.id}`],
    })),
  };
}

function description(
  index: number,
  current: Configuration,
  more: Partial<ClusterDescription> = {},
): ClusterDescription {
  const settled = { index: toLogIndex(index), configuration: current };
  return { clusterId: 0xc1n, memberId: n1, settled, started: [n1], ...more };
}

/** A member that answers every inquiry with this, and what it is called. */
async function answering(answer: ClusterDescription): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(encodeFrame('inquiry-reply', encodeDescription(answer)));
  });
  server.listen(0, '127.0.0.1');
  opened.push(server);
  await new Promise((resolve) => {
    server.once('listening', resolve);
  });
  return `http://127.0.0.1:${portOf(server)}`;
}

async function join(urls: readonly string[], logger = new RecordingLogger()) {
  return joinCluster({
    name: 'n4',
    peerUrl: own,
    members: [...urls, own].map((peerUrl, place) => ({ name: `m${place}`, peerUrl })),
    clock: new SystemClock(),
    logger,
    signal: undefined,
    limits: { answerTimeoutMs: 5_000, retryMs: 1, roundsMax: 3 },
  });
}

const added = configuration([{ id: n1 }], [{ id: n4, url: own }]);
const notAdded = configuration([{ id: n1 }], []);
const nobody = 'http://127.0.0.1:1';

describe('who joins a cluster', () => {
  test('learns from its members who it is', async () => {
    const url = await answering(description(7, added));
    assert.deepEqual(await join([url]), {
      clusterId: 0xc1n,
      memberId: n4,
      joinedAt: 7,
      joinedPeers: [{ id: n1, urls: ['http://n1'] }],
    });
  });

  test('believes the member that knows most, and does not need all of them', async () => {
    const urls = [await answering(description(5, notAdded)), await answering(description(7, added)), nobody];
    assert.equal((await join(urls)).joinedAt, 7);
  });

  test('is told to be added first', async () => {
    const url = await answering(description(5, notAdded));
    await assert.rejects(join([url]), {
      code: 'not-added',
      message: `no member of cluster c1 knows ${own}: run "quorate member add n4 --peer-url ${own}" first, or correct initial-advertise-peer-urls`,
    });
  });

  test('asks again while somebody who may know it does not answer', async () => {
    const logger = new RecordingLogger();
    const url = await answering(description(5, notAdded));
    await assert.rejects(join([url, nobody], logger), { code: 'cluster-unreachable' });
    assert.equal(logger.count('cannot join yet'), 1, 'it is said once');
  });

  test('is not taken in by members of different clusters', async () => {
    const other = description(7, added, { clusterId: 0xc2n });
    const urls = [await answering(description(7, added)), await answering(other)];
    await assert.rejects(join(urls), { code: 'clusters-differ' });
  });

  test('without the data that it had is turned away', async () => {
    const voter = configuration([{ id: n1 }, { id: n4, url: own }], []);
    await assert.rejects(join([await answering(description(7, voter))]), { code: 'already-started' });
    const learner = description(7, added, { started: [n1, n4] });
    await assert.rejects(join([await answering(learner)]), { code: 'already-started' });
  });

  test('under another name than it was added with is turned away', async () => {
    const named = configuration([{ id: n1 }], [{ id: n4, url: own, name: 'n5' }]);
    await assert.rejects(join([await answering(description(7, named))]), {
      code: 'not-added',
      message: 'the member at this URL was added as n5, and this is n4: start it with --name n5',
    });
  });

  test('has to know one of its members', async () => {
    await assert.rejects(join([]), { code: 'cluster-unreachable' });
  });
});
