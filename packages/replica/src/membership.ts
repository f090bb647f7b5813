import type { Store } from '@quorate/kv';
import {
  formatMemberId,
  type Input,
  type LoggedConfiguration,
  type LogIndex,
  type MemberId,
  membersOf,
  type MonotonicMs,
  noIndex,
  type Output,
  type RaftCore,
  toMemberId,
} from '@quorate/raft';
import type { Call } from './call.ts';
import {
  defaultMembershipLimits,
  type MembershipChange,
  type MembershipLimits,
  type MembershipOutcome,
} from './membership-change.ts';
import { MembershipChanges, type MembershipView } from './membership-changes.ts';
import { PeerActivity } from './peer-activity.ts';
import { PeerCallError, type PeerRequest, type ResponseTo } from './peer-call.ts';
import { Pauses } from './pauses.ts';
import type { Clock, Peer, Random } from './ports.ts';
import { ReplicaError, type ReplicaErrorCode, replicaErrorCodes } from './replica-error.ts';
import type { ReplicaOptions } from './replica-options.ts';
import { chooseSuccessor } from './successor.ts';

/** What a member's part in the membership needs of the member. */
export type MembershipParts = {
  readonly self: MemberId;
  readonly core: RaftCore;
  readonly store: Pick<Store, 'memberAttributes'>;
  readonly random: Random;
  readonly clock: Clock;
  readonly tickMs: number;
  /** Whoever has not been heard from for so long is not active. */
  readonly activityMs: number;
  readonly limits: MembershipLimits;
  /** The configuration by which this member joined a cluster that was there already; 0 for a founder. */
  readonly joinedAt: LogIndex;
  /** The other members by that configuration, as far as they are known. */
  readonly joinedPeers: readonly Peer[];
  readonly proposalId: number;
  /** Asks for a turn. */
  readonly wake: () => void;
  readonly callPeer: <Request extends PeerRequest>(
    peer: MemberId,
    request: Request,
    call: Call,
  ) => Promise<ResponseTo<Request>>;
};

/** How far behind the leader's commit index a learner may be to be promoted, in entries: well under an election. */
const promotionLagMaxEntries = 1000;

/** Who belongs to the cluster, as one member sees it, and how that is changed. */
export class Membership {
  private readonly parts: MembershipParts;
  private readonly changes: MembershipChanges;
  private readonly activity = new PeerActivity();
  private readonly pauses: Pauses;

  /** The part of a member that runs with these options. */
  static of(
    options: ReplicaOptions,
    live: Pick<MembershipParts, 'core' | 'proposalId' | 'wake' | 'callPeer'>,
  ): Membership {
    const { memberId, store, random, clock, raft, tickMs, membership, joinedAt, joinedPeers } = options;
    return new Membership({
      ...live,
      self: memberId,
      store,
      random,
      clock,
      tickMs,
      activityMs: raft.electionTimeoutTicks * tickMs,
      limits: membership ?? defaultMembershipLimits,
      joinedAt: joinedAt ?? noIndex,
      joinedPeers: joinedPeers ?? [],
    });
  }

  private constructor(parts: MembershipParts) {
    this.parts = parts;
    this.changes = new MembershipChanges(parts.proposalId);
    this.pauses = new Pauses(parts.clock);
  }

  /**
   * Changes the membership, here if this member leads, else at the leader. Resolves when the change is committed
   * and in force for good. Rejects with a ReplicaError; see its codes.
   */
  async change(changes: readonly MembershipChange[], call: Call): Promise<MembershipOutcome> {
    for (;;) {
      const { leader } = this.parts.core;
      const outcome = leader === null ? null : await this.attempt(leader, changes, call);
      if (outcome !== null) {
        return outcome;
      }
      await this.pauses.pause(this.parts.tickMs, call);
    }
  }

  /** The same for a peer that takes this member for the leader. Rejects with `not-leader` if it is not. */
  async changeHere(changes: readonly MembershipChange[], call: Call): Promise<MembershipOutcome> {
    const done = this.changes.begin(changes, call);
    this.parts.wake();
    return done;
  }

  /** The voter that is to lead after this member; null if it does not lead, or nobody else can. */
  successor(): MemberId | null {
    const status = this.parts.core.status();
    return status.role === 'leader'
      ? chooseSuccessor(status, status.configuration.voters, (id) => this.isActive(id))
      : null;
  }

  /** Everyone who may be needed: in force, or about to be undone. */
  peers(): readonly Peer[] {
    const { core, self, joinedAt, joinedPeers } = this.parts;
    // Who joined calls the members itself: a leader that has removed it again never will, and it must hear of that.
    const isBehind = (core.settled?.index ?? noIndex) < joinedAt;
    const peers = new Map(isBehind ? joinedPeers.map((peer) => [peer.id, peer]) : []);
    // A new address counts when it is committed: until then a leader that moves needs the answers at the old one.
    for (const { configuration } of core.configurations) {
      for (const { id, peerUrls } of configuration.addresses) {
        if (id !== self && !peers.has(id)) {
          peers.set(id, { id, urls: peerUrls });
        }
      }
    }
    this.activity.keep(new Set(peers.keys()));
    return [...peers.values()];
  }

  /**
   * Whether a committed configuration without this member is later than what it knows of itself. Member ids are
   * never given twice, so that it is final. `asOf` is the index of a configuration that does not name this member,
   * by the word of a peer; left out to judge by the own log.
   */
  removal(asOf?: LogIndex): ReplicaError | null {
    const { core, self, joinedAt } = this.parts;
    const namesSelf = ({ configuration }: LoggedConfiguration): boolean =>
      membersOf(configuration).includes(self);
    const named = core.state.configurations.findLast(namesSelf);
    const knownAt = Math.max(named?.index ?? 0, joinedAt);
    const isOut =
      asOf === undefined
        ? (core.settled?.index ?? 0) > knownAt && !core.configurations.some(namesSelf)
        : asOf > knownAt;
    if (!isOut) {
      return null;
    }
    return new ReplicaError(
      'removed',
      `member ${formatMemberId(self)} was removed from the cluster; to have it back, add it as a new member and start it with an empty data directory`,
    );
  }

  /** Why a member must not run that has run before and has lost its data: it forgot its votes, and what it acknowledged. */
  loss(): ReplicaError {
    const id = formatMemberId(this.parts.self);
    return new ReplicaError(
      'data-lost',
      `member ${id} has run before, and its data is not in this data directory: start it with the directory that it had, or run "quorate member remove ${id}" and add it again`,
    );
  }

  /** What people call a member: the name that it gave itself, or the one that it was added with, or its id. */
  nameOf(id: MemberId): string {
    const { core, store } = this.parts;
    const address = core.status().configuration.addresses.find((candidate) => candidate.id === id);
    const names = [store.memberAttributes().get(id)?.name, address?.name];
    return names.find((name) => name !== undefined && name !== '') ?? `member ${formatMemberId(id)}`;
  }

  /** A peer has said something. */
  heard(from: MemberId): void {
    this.activity.heard(from, this.parts.clock.monotonicMs());
  }

  tick(nowMs: MonotonicMs): void {
    this.changes.tick(nowMs, this.parts.core.status().configuration);
  }

  get wantsTurn(): boolean {
    return this.changes.wantsTurn;
  }

  turn(step: (input: Input) => Output): void {
    this.changes.turn(this.view(), step);
  }

  stop(): void {
    this.changes.stop();
    this.pauses.stop();
  }

  /** Null if somebody else may have become the leader before the change had any effect. */
  private async attempt(
    leader: MemberId,
    changes: readonly MembershipChange[],
    call: Call,
  ): Promise<MembershipOutcome | null> {
    const { self, callPeer } = this.parts;
    try {
      if (leader === self) {
        return await this.changeHere(changes, call);
      }
      return (await callPeer(leader, { type: 'change-membership', changes }, call)).outcome;
    } catch (error) {
      const translated = error instanceof PeerCallError ? fromPeer(error) : error;
      if (translated instanceof ReplicaError && translated.code === 'not-leader') {
        return null;
      }
      throw translated;
    }
  }

  private view(): MembershipView {
    const { core, store, random, limits } = this.parts;
    const status = core.status();
    return {
      status,
      configurations: core.configurations,
      termAt: (index) => core.termAt(index),
      limits,
      isActive: (id) => this.isActive(id),
      isStarted: (id) => this.isActive(id) || store.memberAttributes().has(id),
      isInSync: (id) => {
        const peer = status.peers.find((candidate) => candidate.id === id);
        return (
          peer?.state === 'replicate' &&
          peer.match + promotionLagMaxEntries >= status.commit &&
          this.isActive(id)
        );
      },
      newId: () =>
        toMemberId((BigInt(random.integer(2 ** 31)) << 32n) + BigInt(random.integer(2 ** 32)) + 1n),
    };
  }

  private isActive(id: MemberId): boolean {
    const { self, clock, activityMs } = this.parts;
    return id === self || this.activity.isActive(id, clock.monotonicMs() - activityMs);
  }
}

/** What a failed call to the leader means for the change that it asked for. */
function fromPeer(error: PeerCallError): ReplicaError {
  switch (error.code) {
    case 'refused': {
      const { code, message } = error.refusal ?? { code: '', message: error.message };
      const known = replicaErrorCodes.find((candidate): candidate is ReplicaErrorCode => candidate === code);
      // A leader that is stopping, or is too busy, has done nothing.
      if (known === 'stopped' || known === undefined) {
        return new ReplicaError('not-leader', message);
      }
      return new ReplicaError(known, message);
    }
    case 'overloaded':
    case 'too-large':
      return new ReplicaError('overloaded', error.message);
    case 'cancelled':
      return new ReplicaError('cancelled', error.message);
    case 'unreachable':
    case 'timed-out':
      return new ReplicaError('unknown-outcome', `the leader did not answer: ${error.message}`);
  }
}
