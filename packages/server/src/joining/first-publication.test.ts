import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicaError } from '@quorate/replica';
import { toMemberId } from '@quorate/raft';
import type { Identity } from '@quorate/storage';
import { ManualClock } from '../testing/manual-clock.ts';
import { SoloMember } from '../testing/solo-member.ts';
import { FirstPublication } from './first-publication.ts';

const call = { deadlineMs: 1_000 };

/** A directory of which only the identity is kept. */
class KeptIdentity {
  readonly identity: Identity;
  kept: Identity;

  constructor(identity: Identity) {
    this.identity = identity;
    this.kept = identity;
  }

  async changeIdentity(identity: Identity): Promise<void> {
    this.kept = identity;
  }
}

function founded(member: SoloMember, unpublished: boolean): KeptIdentity {
  const identity = { clusterId: 0xc1n, memberId: toMemberId(member.id), name: 'n1' };
  return new KeptIdentity(unpublished ? { ...identity, unpublished } : identity);
}

test('it is ahead until it has begun, and that is kept', async () => {
  const member = new SoloMember(new ManualClock());
  const directory = founded(member, true);
  const first = new FirstPublication(directory);
  assert.equal(first.pending(), true);
  await first.begin(member, call);
  assert.equal(first.pending(), false);
  assert.equal(directory.kept.unpublished, undefined);
  assert.equal(directory.kept.name, 'n1');
});

test('it does not begin before the cluster has answered', async () => {
  const member = new SoloMember(new ManualClock());
  const directory = founded(member, true);
  const first = new FirstPublication(directory);
  member.failure = new ReplicaError('no-leader', 'nobody leads');
  await assert.rejects(first.begin(member, call), { code: 'no-leader' });
  assert.deepEqual([first.pending(), directory.kept.unpublished], [true, true]);
});

test('it never begins if somebody else has published the member', async () => {
  const member = new SoloMember(new ManualClock());
  const publishMember = { memberId: member.id, name: 'n1', clientUrls: [] };
  await member.propose({ $case: 'publishMember', publishMember }, call);
  const directory = founded(member, true);
  const first = new FirstPublication(directory);
  await first.begin(member, call);
  assert.deepEqual([first.pending(), directory.kept.unpublished], [true, true]);
});

test('a directory that has published asks nobody', async () => {
  const member = new SoloMember(new ManualClock());
  const first = new FirstPublication(founded(member, false));
  assert.equal(first.pending(), false);
  await first.begin(member, call);
  assert.equal(member.reads.length, 0);
});
