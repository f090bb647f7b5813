import { type CommandBody, type CommandResponse, encodeCommand, MemoryEngine, Store } from '@quorate/kv';
import { type MemberId, toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import {
  type Call,
  type Clock,
  LeaseService,
  type MembershipChange,
  type MembershipOutcome,
  ReplicaError,
  type ReplicaStatus,
} from '@quorate/replica';
import type { Member } from '../api/member.ts';
import { SystemRandom } from '../platform/system-random.ts';
import { RecordingLogger } from './recording-logger.ts';

/**
 * A member without consensus: what is proposed is applied at once. The state machine is the real one. A test
 * decides who leads, how long things take, and what fails.
 */
export class SoloMember implements Member {
  readonly clock: Clock;
  readonly store = Store.open(new MemoryEngine());
  readonly id = toMemberId(0xabcn);
  readonly leases: LeaseService;
  readonly peer = toMemberId(0xdefn);
  /** The calls that were let through, in order. */
  readonly proposals: { readonly body: CommandBody; readonly call: Call }[] = [];
  readonly reads: Call[] = [];
  readonly changes: MembershipChange[] = [];
  leader: MemberId | null = this.id;
  /** Whether this member has a vote. */
  votes = true;
  /** What every further proposal, read and transfer fails with. */
  failure: Error | null = null;
  isIsolated = false;
  spaceQuotaBytes = 2 * 1024 * 1024 * 1024;
  /** Proposals and reads wait for it. */
  gate: Promise<void> = Promise.resolve();
  private index = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.leases = LeaseService.of(
      {
        memberId: this.id,
        store: this.store,
        clock,
        random: new SystemRandom(),
        logger: new RecordingLogger(),
        tickMs: 100,
        raft: { electionTimeoutTicks: 10 },
      },
      {
        leader: () => this.leader,
        propose: async (body, call) => this.propose(body, call),
        proposeOnce: async (body, call) => this.propose(body, call),
        linearize: async (call) => this.linearize(call),
        callPeer: async () => {
          throw new ReplicaError('no-leader', 'this member has no peers');
        },
      },
    );
    // As after the first entry of its term.
    this.leases.applied([], toTerm(7), toTerm(7));
    this.store.onWatchersBehind(() => clock.defer(() => this.feedWatchers()));
  }

  async propose(body: CommandBody, call: Call): Promise<CommandResponse> {
    this.proposals.push({ body, call });
    await this.pass(call);
    this.store.validate(body);
    this.index += 1;
    const data = encodeCommand({ requestId: undefined, body });
    const results = this.store.apply([{ index: this.index, term: 7, data }]);
    this.leases.applied(results, toTerm(7), toTerm(7));
    const [result] = results;
    if (result === undefined) throw new Error('the command was not applied');
    if (!result.outcome.ok) throw result.outcome.error;
    return result.outcome.response;
  }

  async linearize(call: Call): Promise<void> {
    this.reads.push(call);
    await this.pass(call);
  }

  async transferLeadership(to: MemberId, call: Call): Promise<void> {
    await this.pass(call);
    if (to !== this.peer)
      throw new ReplicaError('bad-transferee', 'leadership can only go to a voting member');
  }

  /** Answers with what is asked for, but for what `failure` says. */
  async changeMembership(changes: readonly MembershipChange[], call: Call): Promise<MembershipOutcome> {
    this.changes.push(...changes);
    await this.pass(call);
    const { configuration } = this.status();
    const added = changes.flatMap((change, place) =>
      change.kind === 'add' ? [{ id: toMemberId(BigInt(0x111 + place)), change }] : [],
    );
    return {
      added: added.map(({ id }) => id),
      configuration: {
        ...configuration,
        learners: [...added.map(({ id }) => id), ...configuration.learners],
        addresses: [
          ...added.map(({ id, change: { name, peerUrls } }) => ({ id, name, peerUrls })),
          ...configuration.addresses,
        ],
      },
    };
  }

  status(): ReplicaStatus {
    const members = [this.id, this.peer];
    return {
      memberId: this.id,
      clusterId: 0xc1n,
      role: this.leader === this.id ? 'leader' : 'follower',
      term: toTerm(7),
      leader: this.leader,
      commitIndex: toLogIndex(this.index),
      appliedIndex: toLogIndex(this.index),
      firstIndex: toLogIndex(1),
      lastIndex: toLogIndex(this.index),
      configuration: {
        voters: [this.votes ? this.id : this.peer],
        outgoingVoters: [],
        learners: [this.votes ? this.peer : this.id],
        learnersNext: [],
        addresses: members.map((id, place) => ({
          id,
          name: `n${place}`,
          peerUrls: [`http://10.0.0.${place}:2380`],
        })),
      },
    };
  }

  private feedWatchers(): void {
    if (this.store.feedWatchers()) this.clock.defer(() => this.feedWatchers());
  }

  private async pass(call: Call): Promise<void> {
    const { promise: deadline, resolve } = Promise.withResolvers<'late'>();
    const timer = this.clock.setTimer(call.deadlineMs - this.clock.monotonicMs(), () => resolve('late'));
    const outcome = await Promise.race([this.gate, aborted(call.signal), deadline]);
    timer.cancel();
    if (outcome === 'late') throw new ReplicaError('no-leader', 'no leader was known until the deadline');
    if (call.signal?.aborted === true) throw new ReplicaError('cancelled', 'the caller gave up');
    if (this.failure !== null) throw this.failure;
  }
}

async function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
