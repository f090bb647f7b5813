import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Configuration, type MemberId, toMemberId } from '@quorate/raft';
import { defaultMembershipLimits, type MembershipChange } from './membership-change.ts';
import { type ClusterView, duePromotion, planChange, planFarewell } from './membership-rules.ts';

function id(number: number): MemberId {
  return toMemberId(BigInt(number));
}

function configuration(voters: readonly number[], learners: readonly number[] = []): Configuration {
  return {
    voters: voters.map(id),
    outgoingVoters: [],
    learners: learners.map(id),
    learnersNext: [],
    addresses: [...voters, ...learners].map((number) => ({
      id: id(number),
      name: `n${number}`,
      peerUrls: [`http://n${number}`],
    })),
  };
}

type Health = { readonly down?: readonly number[]; readonly unstarted?: readonly number[] };

function view(current: Configuration, { down = [], unstarted = [] }: Health = {}): ClusterView {
  const absent = new Set([...down, ...unstarted].map(id));
  return {
    configuration: current,
    isActive: (member) => !absent.has(member),
    isStarted: (member) => !unstarted.map(id).includes(member),
    isInSync: (member) => !absent.has(member),
    limits: defaultMembershipLimits,
    newId: () => id(9),
  };
}

function add(name: string, becomesVoter = true): MembershipChange {
  return { kind: 'add', name, peerUrls: [`http://${name}`], becomesVoter };
}

function remove(number: number): MembershipChange {
  return { kind: 'remove', id: id(number) };
}

function refusal(changes: readonly MembershipChange[], on: ClusterView): unknown {
  try {
    planChange(changes, on);
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
  return null;
}

describe('a plan', () => {
  test('adds a member as a learner, whatever it is to become', () => {
    for (const becomesVoter of [true, false]) {
      const plan = planChange([add('n4', becomesVoter)], view(configuration([1, 2, 3])));
      assert.deepEqual(plan.added, [id(9)]);
      assert.deepEqual(plan.configuration.voters, [id(1), id(2), id(3)]);
      assert.deepEqual(plan.configuration.learners, [id(9)]);
      assert.equal(plan.configuration.addresses.at(-1)?.becomesVoter, becomesVoter || undefined);
    }
  });

  test('needs no joint phase for one vote', () => {
    const { configuration: next } = planChange([remove(3)], view(configuration([1, 2, 3])));
    assert.deepEqual([next.voters, next.outgoingVoters], [[id(1), id(2)], []]);
    assert.equal(next.addresses.length, 2);
  });

  test('is joint for more, and keeps the addresses of those who leave until it ends', () => {
    const current = configuration([1, 2, 3], [4]);
    const { configuration: next } = planChange([{ kind: 'promote', id: id(4) }, remove(3)], view(current));
    assert.deepEqual(next.voters, [id(1), id(2), id(4)]);
    assert.deepEqual(next.outgoingVoters, current.voters);
    assert.deepEqual(next.addresses, current.addresses);
  });
});

describe('a plan is refused', () => {
  const three = configuration([1, 2, 3]);

  test('for a name, an address or an id that does not fit', () => {
    assert.equal(refusal([{ ...add('n9'), name: 'n1' } as MembershipChange], view(three)), 'member-exists');
    assert.equal(
      refusal([{ kind: 'add', name: '', peerUrls: ['http://n2'], becomesVoter: true }], view(three)),
      'peer-url-exists',
    );
    assert.equal(
      refusal([{ kind: 'update-peer-urls', id: id(1), peerUrls: ['http://n2'] }], view(three)),
      'peer-url-exists',
    );
    assert.equal(
      refusal([{ kind: 'update-peer-urls', id: id(1), peerUrls: ['http://n1'] }], view(three)),
      null,
      'its own address is free',
    );
    for (const kind of ['remove', 'promote'] as const) {
      assert.equal(refusal([{ kind, id: id(8) }], view(three)), 'member-not-found');
    }
  });

  test('if the last voter would go', () => {
    assert.equal(refusal([remove(1)], view(configuration([1], [2]))), 'not-enough-started-members');
  });

  test('if too few of the voters that remain have started', () => {
    assert.equal(refusal([remove(3)], view(three, { unstarted: [2] })), 'not-enough-started-members');
  });

  test('if too few of them run, but not for who does not run itself', () => {
    assert.equal(refusal([remove(3)], view(three, { down: [2] })), 'unhealthy-cluster');
    assert.equal(refusal([remove(2)], view(three, { down: [2] })), null);
  });

  test('if a voter or a learner that lags is to be promoted', () => {
    const current = configuration([1, 2, 3], [4]);
    assert.equal(refusal([{ kind: 'promote', id: id(2) }], view(current)), 'not-a-learner');
    assert.equal(
      refusal([{ kind: 'promote', id: id(4) }], view(current, { down: [4] })),
      'learner-not-in-sync',
    );
  });

  test('beyond the limits', () => {
    assert.equal(refusal([add('n5', false)], view(configuration([1], [4]))), 'too-many-learners');
    const nine = configuration([1, 2, 3, 4, 5, 6, 7, 8, 10]);
    assert.equal(refusal([add('n11')], view(nine)), 'too-many-members');
  });

  test('as a whole if one of its changes is', () => {
    assert.equal(refusal([add('n5', false), remove(8)], view(three)), 'member-not-found');
  });
});

describe('who is to be removed', () => {
  test('first loses its vote and keeps the log, through a joint phase if there are several', () => {
    const five = configuration([1, 2, 3, 4, 5]);
    const one = planFarewell([id(5)], view(five));
    assert.deepEqual([one?.configuration.learners, one?.configuration.outgoingVoters], [[id(5)], []]);
    const two = planFarewell([id(4), id(5)], view(five));
    assert.deepEqual(two?.configuration.voters, [id(1), id(2), id(3)]);
    assert.deepEqual([two?.configuration.learners, two?.configuration.learnersNext], [[], [id(4), id(5)]]);
  });

  test('keeps it if the others could not decide without it', () => {
    assert.equal(planFarewell([id(3)], view(configuration([1, 2, 3]), { down: [2] })), null);
  });
});

describe('a promotion is due', () => {
  const waiting = planChange([add('n9')], view(configuration([1, 2, 3]))).configuration;

  test('of a learner that is to become a voter and is in sync', () => {
    const plan = duePromotion(view(waiting));
    assert.deepEqual(plan?.configuration.voters, [id(1), id(2), id(3), id(9)]);
    assert.equal(plan?.configuration.addresses.at(-1)?.becomesVoter, undefined);
  });

  test('not of one that lags, nor of one that is to stay a learner', () => {
    assert.equal(duePromotion(view(waiting, { down: [9] })), null);
    assert.equal(duePromotion(view(configuration([1, 2, 3], [4]))), null);
  });

  test('not while too few voters run', () => {
    assert.equal(duePromotion(view(waiting, { down: [1, 2] })), null);
  });
});
