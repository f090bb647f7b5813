import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PutRequest } from '@quorate/protocol';
import type { MemberId } from '@quorate/raft';
import type { Replica } from '../replica.ts';
import { ReplicaCluster, type ReplicaClusterOptions } from '../testing/replica-cluster.ts';

const small = { entries: 20, bytes: 1_000_000, tailEntries: 5, tailBytes: 1_000_000 };
const pieces = { chunkMaxBytes: 100, patienceMs: 1_000, offerMs: 300, retryMs: 20, callTimeoutMs: 200 };

async function withCluster(
  options: Partial<ReplicaClusterOptions>,
  body: (cluster: ReplicaCluster, leader: Replica) => Promise<void>,
): Promise<void> {
  const cluster = await ReplicaCluster.start({ members: 3, compaction: small, transfer: pieces, ...options });
  try {
    await body(cluster, await cluster.awaitLeader());
  } finally {
    await cluster.close();
  }
}

async function until(cluster: ReplicaCluster, condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 10) {
    assert.ok(waitedMs < 20_000, 'the condition came true');
    await cluster.clock.advance(10);
  }
}

let nextKey = 0;

/** Puts so many keys, each as an entry of its own. */
async function write(
  cluster: ReplicaCluster,
  member: Replica,
  count: number,
  valueBytes = 20,
): Promise<void> {
  for (let written = 0; written < count; written += 1) {
    nextKey += 1;
    const put = PutRequest.create({
      key: Buffer.from(`key ${nextKey % 50}`),
      value: Buffer.alloc(valueBytes, nextKey),
    });
    let ended = false;
    const answer = member
      .propose({ $case: 'put', put }, { deadlineMs: cluster.clock.monotonicMs() + 10_000 })
      .finally(() => {
        ended = true;
      });
    answer.catch(() => undefined);
    await until(cluster, () => ended);
    await answer;
  }
}

function anotherThan(cluster: ReplicaCluster, member: Replica): MemberId {
  const { memberId } = member.status();
  const other = cluster.ids.find((id) => id !== memberId);
  assert.ok(other !== undefined);
  return other;
}

test('a log loses its beginning, but for a tail', () =>
  withCluster({}, async (cluster, leader) => {
    await write(cluster, leader, 30);
    await until(cluster, () => leader.status().firstIndex > 1);
    const { firstIndex, appliedIndex } = leader.status();
    assert.ok(
      firstIndex >= 16 && firstIndex <= appliedIndex - 4,
      `it starts at ${firstIndex} of ${appliedIndex}`,
    );
    for (const id of cluster.ids) {
      await until(cluster, () => cluster.member(Number(id)).status().firstIndex > 1);
    }
  }));

test('a member starts from its snapshot and the rest of its log', () =>
  withCluster({}, async (cluster, leader) => {
    await write(cluster, leader, 30);
    await until(cluster, () => leader.status().firstIndex > 1);
    const { memberId, appliedIndex } = leader.status();
    const digest = leader.store.digest();
    await cluster.stop(memberId);
    const again = await cluster.open(memberId);
    await until(cluster, () => again.status().appliedIndex >= appliedIndex);
    await cluster.awaitLeader();
    const others = cluster.ids.map((id) => cluster.member(Number(id)));
    await until(cluster, () =>
      others.every((one) => one.status().appliedIndex === again.status().appliedIndex),
    );
    assert.equal(again.store.digest(), digest);
  }));

test('a follower that was away for long is sent a snapshot, and goes on after it', () =>
  withCluster({}, async (cluster, leader) => {
    const away = anotherThan(cluster, leader);
    await cluster.stop(away);
    await write(cluster, leader, 60);
    await until(cluster, () => leader.status().firstIndex > 20);
    const back = await cluster.open(away);
    await until(cluster, () => back.status().appliedIndex === leader.status().appliedIndex);
    assert.ok(back.status().firstIndex > 20, 'it got there by a snapshot');
    assert.equal(back.store.digest(), leader.store.digest());
    await write(cluster, back, 3);
    await until(cluster, () => back.status().appliedIndex === leader.status().appliedIndex);
    assert.equal(back.store.digest(), leader.store.digest());
  }));

test('a follower that was away for a while needs no snapshot', () =>
  withCluster({}, async (cluster, leader) => {
    await write(cluster, leader, 16);
    const away = anotherThan(cluster, leader);
    const before = cluster.member(Number(away)).status();
    await cluster.stop(away);
    await write(cluster, leader, 4);
    await until(cluster, () => leader.status().firstIndex > 1);
    assert.ok(leader.status().firstIndex <= before.lastIndex + 1, 'the tail reaches back to what it needs');
    const back = await cluster.open(away);
    await until(cluster, () => back.status().appliedIndex === leader.status().appliedIndex);
    assert.equal(back.status().firstIndex, before.firstIndex);
  }));

test('a transfer goes on where it was when the member that receives it is started again', () =>
  withCluster({ transfer: { ...pieces, chunkMaxBytes: 5000 } }, async (cluster, leader) => {
    const away = anotherThan(cluster, leader);
    await cluster.stop(away);
    await write(cluster, leader, 150, 900);
    await until(cluster, () => leader.status().firstIndex > 20);
    const reads = (): number[] =>
      cluster.asked.flatMap(({ from, request }) =>
        from === away && request.type === 'snapshot-read' ? [request.offset] : [],
      );
    cluster.onAsked = () => {
      if (reads().length > 20) cluster.disconnect(away);
    };
    await cluster.open(away);
    await until(cluster, () => reads().length > 20);
    cluster.onAsked = () => undefined;
    await cluster.stop(away);
    cluster.reconnect(away);
    const before = reads().length;
    const back = await cluster.open(away);
    assert.ok(back.status().appliedIndex < 20, 'nothing is installed yet');
    await until(cluster, () => back.status().appliedIndex === leader.status().appliedIndex);
    assert.equal(back.store.digest(), leader.store.digest());
    const again = reads().slice(before);
    assert.ok(again.length > 0 && Math.min(...again) > 60_000, 'what had come is not fetched again');
  }));
