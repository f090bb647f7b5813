import type { Configuration, MemberAddress, MemberId } from '@quorate/raft';
import { ReplicaError } from './replica-error.ts';
import type { MembershipChange, MembershipLimits } from './membership-change.ts';

/** What a leader knows about its cluster when it judges a change. */
export type ClusterView = {
  /** In force, committed, and not joint. */
  readonly configuration: Configuration;
  /** Whether the member has been heard from within an election timeout; true for the leader itself. */
  readonly isActive: (id: MemberId) => boolean;
  /** Whether the member has ever run. */
  readonly isStarted: (id: MemberId) => boolean;
  /** Whether the member's log is so close to the leader's that its vote delays nothing. */
  readonly isInSync: (id: MemberId) => boolean;
  readonly limits: MembershipLimits;
  /** An id that no member has. */
  readonly newId: () => MemberId;
};

/** What a change leads to. The configuration is joint if more than one vote changes (Raft, section 6). */
export type ChangePlan = { readonly configuration: Configuration; readonly added: readonly MemberId[] };

/**
 * Works out where the changes lead, all at once. Throws a ReplicaError that says what speaks against them: one
 * of them makes no sense, or the cluster could not decide anything afterwards.
 */
export function planChange(changes: readonly MembershipChange[], view: ClusterView): ChangePlan {
  const draft = new Draft(view.configuration);
  const added: MemberId[] = [];
  for (const change of changes) {
    switch (change.kind) {
      case 'add':
        added.push(addMember(draft, change, view));
        break;
      case 'remove':
        draft.addressOf(change.id);
        draft.remove(change.id);
        break;
      case 'update-peer-urls': {
        const address = draft.addressOf(change.id);
        checkUrls(draft, change.peerUrls, change.id);
        draft.setAddress({ ...address, peerUrls: change.peerUrls });
        break;
      }
      case 'promote':
        promote(draft, change.id, view);
        break;
    }
  }
  const configuration = draft.finish();
  checkVoters(view, configuration.voters);
  return { configuration, added };
}

/**
 * Takes their votes from members that are to be removed, and leaves them the log: so they still learn what becomes of
 * the writes that they have taken, and take no more. Null if the cluster could not decide anything meanwhile.
 */
export function planFarewell(leaving: readonly MemberId[], view: ClusterView): ChangePlan | null {
  const draft = new Draft(view.configuration);
  for (const id of leaving) {
    draft.voters.delete(id);
    draft.learners.add(id);
  }
  const configuration = draft.finish();
  try {
    checkVoters(view, configuration.voters);
  } catch (error) {
    if (error instanceof ReplicaError) {
      return null;
    }
    throw error;
  }
  return { configuration, added: [] };
}

/** The promotion of a learner that is to become a voter and has caught up; null if none may be promoted now. */
export function duePromotion(view: ClusterView): ChangePlan | null {
  const due = view.configuration.addresses.find(
    ({ id, becomesVoter }) => becomesVoter === true && view.isInSync(id),
  );
  if (due === undefined) {
    return null;
  }
  try {
    return planChange([{ kind: 'promote', id: due.id }], view);
  } catch (error) {
    if (error instanceof ReplicaError) {
      return null; // Later, when more voters run.
    }
    throw error;
  }
}

function addMember(
  draft: Draft,
  change: MembershipChange & { readonly kind: 'add' },
  { limits, newId }: ClusterView,
): MemberId {
  const { name, peerUrls, becomesVoter } = change;
  checkUrls(draft, peerUrls, null);
  if (name !== '' && draft.addresses.some((address) => address.name === name)) {
    throw new ReplicaError(
      'member-exists',
      `there is a member called ${name} already: choose another name, or remove that member first`,
    );
  }
  const waiting = draft.addresses.filter((address) => address.becomesVoter === true).length;
  if (becomesVoter && draft.voters.size + waiting >= limits.votersMax) {
    throw new ReplicaError(
      'too-many-members',
      `a cluster has at most ${limits.votersMax} voters: remove one first, or add a learner`,
    );
  }
  if (!becomesVoter && draft.learners.size - waiting >= limits.learnersMax) {
    throw new ReplicaError(
      'too-many-learners',
      `the cluster has ${limits.learnersMax} learner${limits.learnersMax === 1 ? '' : 's'} already: promote or remove one first`,
    );
  }
  const id = newId();
  draft.learners.add(id);
  draft.setAddress(becomesVoter ? { id, name, peerUrls, becomesVoter } : { id, name, peerUrls });
  return id;
}

function promote(draft: Draft, id: MemberId, view: ClusterView): void {
  const { becomesVoter: _promoted, ...address } = draft.addressOf(id);
  if (!draft.learners.has(id)) {
    throw new ReplicaError('not-a-learner', 'the member has a vote already');
  }
  if (!view.isInSync(id)) {
    throw new ReplicaError(
      'learner-not-in-sync',
      'the learner has not caught up with the leader: see to it that it runs, and try again later',
    );
  }
  if (draft.voters.size >= view.limits.votersMax) {
    throw new ReplicaError('too-many-members', `a cluster has at most ${view.limits.votersMax} voters`);
  }
  draft.learners.delete(id);
  draft.voters.add(id);
  draft.setAddress(address);
}

function checkUrls(draft: Draft, peerUrls: readonly string[], owner: MemberId | null): void {
  for (const address of draft.addresses) {
    const shared = address.peerUrls.find((url) => address.id !== owner && peerUrls.includes(url));
    if (shared !== undefined) {
      throw new ReplicaError(
        'peer-url-exists',
        `${shared} belongs to member ${address.id.toString(16)} already: remove that member first, or give another URL`,
      );
    }
  }
}

/**
 * Whether the voters could go on deciding. A voter that does not run counts as one that may never do so; one that
 * is removed because it does not run makes nothing worse.
 */
function checkVoters({ configuration, isStarted, isActive }: ClusterView, voters: readonly MemberId[]): void {
  const before = configuration.voters;
  if (voters.length === before.length && voters.every((id) => before.includes(id))) {
    return;
  }
  const needed = Math.floor(voters.length / 2) + 1;
  const started = voters.filter((id) => isStarted(id)).length;
  if (voters.length === 0 || started < needed) {
    throw new ReplicaError(
      'not-enough-started-members',
      voters.length === 0
        ? 'the last voter cannot be removed: nobody would be left to decide'
        : `of the ${voters.length} voters afterwards ${started} have started, and ${needed} are needed: start the others first`,
    );
  }
  const active = voters.filter((id) => isActive(id)).length;
  if (active < needed) {
    throw new ReplicaError(
      'unhealthy-cluster',
      `of the ${voters.length} voters afterwards ${active} run now, and ${needed} are needed: bring the others back first, or remove those that are gone`,
    );
  }
}

/** A configuration that is being changed. */
class Draft {
  readonly voters: Set<MemberId>;
  readonly learners: Set<MemberId>;
  private readonly before: Configuration;
  private readonly byId: Map<MemberId, MemberAddress>;

  constructor(configuration: Configuration) {
    this.before = configuration;
    this.voters = new Set(configuration.voters);
    this.learners = new Set(configuration.learners);
    this.byId = new Map(configuration.addresses.map((address) => [address.id, address]));
  }

  get addresses(): readonly MemberAddress[] {
    return [...this.byId.values()];
  }

  addressOf(id: MemberId): MemberAddress {
    const address = this.byId.get(id);
    if (address === undefined) {
      throw new ReplicaError(
        'member-not-found',
        `there is no member ${id.toString(16)}: see the list of members`,
      );
    }
    return address;
  }

  setAddress(address: MemberAddress): void {
    this.byId.set(address.id, address);
  }

  remove(id: MemberId): void {
    this.voters.delete(id);
    this.learners.delete(id);
    this.byId.delete(id);
  }

  /** Without a joint phase if at most one vote changes: majorities before and after share a member anyway. */
  finish(): Configuration {
    const voters = sorted(this.voters);
    const learners = sorted(this.learners);
    const changed = new Set(voters).symmetricDifference(new Set(this.before.voters));
    const isJoint = changed.size > 1;
    const byId = new Map(this.byId);
    if (isJoint) {
      // Whoever has a vote until the end of the joint phase has to be reached until then.
      const leaving = this.before.addresses.filter(({ id }) => changed.has(id) && !byId.has(id));
      for (const address of leaving) {
        byId.set(address.id, address);
      }
    }
    const outgoingVoters = isJoint ? this.before.voters : [];
    return {
      voters,
      outgoingVoters,
      learners: learners.filter((id) => !outgoingVoters.includes(id)),
      learnersNext: learners.filter((id) => outgoingVoters.includes(id)),
      addresses: sorted(byId.keys()).flatMap((id) => byId.get(id) ?? []),
    };
  }
}

function sorted(ids: Iterable<MemberId>): MemberId[] {
  return [...ids].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}
