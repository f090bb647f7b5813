import type { CommandBody, CommandResponse, Store } from '@quorate/kv';
import {
  type Input,
  type LoggedConfiguration,
  type LogIndex,
  type MemberId,
  type Message,
  type Output,
  RaftCore,
  type RaftEvent,
  toLogIndex,
} from '@quorate/raft';
import { Applier } from './applier.ts';
import type { Call } from './call.ts';
import { ClientRequests } from './client-requests.ts';
import { closeData } from './close-data.ts';
import { logEvent } from './event-log.ts';
import { LogReader } from './log-reader.ts';
import { checkTransfer, LeadershipTransfer } from './leadership-transfer.ts';
import { Membership } from './membership.ts';
import { type MembershipChange, type MembershipOutcome } from './membership-change.ts';
import { PeerLine } from './peer-line.ts';
import type { PeerRequest, PeerResponse, ResponseTo } from './peer-call.ts';
import { PeerService } from './peer-service.ts';
import type { WriteRepeats } from './pending-writes.ts';
import { Persister } from './persister.ts';
import type { Clock, Logger, PeerEvents, PeerTransport, Timer } from './ports.ts';
import { ReplicaError } from './replica-error.ts';
import type { ReplicaLimits, ReplicaMeasures, ReplicaOptions, ReplicaStatus } from './replica-options.ts';
import { LeaseService } from './leases/lease-service.ts';
import { restoreCore } from './restore.ts';
import { StateCare } from './state-care.ts';
import { Snapshots } from './snapshot/snapshots.ts';

/**
 * One member: drives the core, the log, the state machine and the peers.
 *
 * All that happens becomes an input in one queue. A turn drains it: step the core, send what may be sent,
 * start the disk, apply what is committed. Results of I/O come back as inputs, so nothing is ever checked
 * before an await and acted on after it.
 */
export class Replica {
  readonly store: Store;
  readonly clock: Clock;
  /** Keys that end with their owner. */
  readonly leases: LeaseService;
  /** Resolves if the member had to stop itself: its disk failed, or an invariant is broken. Never rejects. */
  readonly failed: Promise<Error>;

  private readonly options: ReplicaOptions;
  private readonly limits: ReplicaLimits;
  private readonly logger: Logger;
  private readonly core: RaftCore;
  private readonly persister: Persister;
  private readonly requests: ClientRequests;
  private readonly transfer = new LeadershipTransfer();
  private readonly care: StateCare;
  private readonly stopping = new AbortController();
  private readonly failure = Promise.withResolvers<Error>();
  private readonly logReader: LogReader;
  private readonly applier: Applier;
  /** Who belongs to the cluster. */
  readonly membership: Membership;
  private readonly peerService: PeerService;
  private readonly snapshots: Snapshots;
  private transport: PeerTransport | null = null;

  private inputs: Input[] = [];
  private outbox: Message[] = [];
  private tickTimer: Timer | null = null;
  private turnScheduled = false;
  private stopped = false;
  private closing: Promise<void> | null = null;
  private leaderChanges = 0;
  /** The configuration that the transport has been told last. */
  private settled: LoggedConfiguration | null = null;

  /**
   * Starts the member on opened parts. The replica owns log, store and transport from now on, also when this
   * rejects: with a ReplicaError `inconsistent-data` if log and store do not belong together, with a
   * StorageError, or with what `connect` threw.
   */
  static async open(options: ReplicaOptions): Promise<Replica> {
    let replica: Replica | null = null;
    const isRebuilt = options.store.appliedIndex === 0;
    const line = new PeerLine(options.connect);
    const wired = { ...options, connect: (events: PeerEvents) => line.connect(events) };
    try {
      replica = new Replica(wired, await restoreCore(wired), isRebuilt);
      replica.start();
      return replica;
    } catch (error) {
      await line.close();
      await (replica === null ? closeData(options) : replica.close());
      throw error;
    }
  }

  private constructor(options: ReplicaOptions, core: RaftCore, isRebuilt: boolean) {
    this.failed = this.failure.promise;
    this.options = options;
    this.limits = options.limits;
    this.logger = options.logger;
    this.store = options.store;
    this.clock = options.clock;
    this.core = core;
    this.requests = new ClientRequests(options);
    this.persister = new Persister(options.log, {
      durable: (batch, messages) => this.persisted(batch, messages),
      failed: (error) => this.fail(error),
    });
    this.logReader = new LogReader(options.log, {
      read: (read, entries) => this.enqueue({ type: 'log-read', read, entries }),
      failed: (error) => this.fail(error),
    });
    this.applier = new Applier(options, this.requests.writes, this.requests.reads);
    this.snapshots = this.createSnapshots();
    const { clock, store, version } = options;
    this.care = StateCare.of(options, {
      isRebuilt,
      stopping: this.stopping.signal,
      nameOf: (id) => this.membership.nameOf(id),
      callPeer: (peer, request, call) => this.callPeer(peer, request, call),
      propose: (body, call) => this.propose(body, call),
      handOver: (call) => this.handOver(call),
      failed: (error) => this.fail(error),
    });
    this.membership = Membership.of(options, {
      core,
      proposalId: this.requests.nextId(),
      wake: () => this.scheduleTurn(),
      callPeer: async (peer, request, call) => this.callPeer(peer, request, call),
    });
    this.leases = LeaseService.of(options, {
      leader: () => this.core.leader,
      propose: async (body, call) => this.propose(body, call),
      proposeOnce: async (body, call) => this.submit(body, call, 'never'),
      linearize: async (call) => this.linearize(call),
      callPeer: async (peer, request, call) => this.callPeer(peer, request, call),
    });
    this.peerService = new PeerService({
      clock,
      snapshots: this.snapshots,
      store,
      version,
      stopping: this.stopping.signal,
      membership: this.membership,
      timeoutMs: options.raft.electionTimeoutTicks * options.tickMs * 5,
      leases: this.leases,
    });
  }

  /**
   * Replicates a command and resolves with the state machine's answer once it is applied here.
   * Rejects with a StoreError if the state machine refuses the command, else with a ReplicaError; see its
   * codes for what is known about the effect. Writes that wait for a leader wait until the call's deadline.
   */
  async propose(body: CommandBody, call: Call): Promise<CommandResponse> {
    return this.submit(body, call, 'until-deadline');
  }

  private async submit(body: CommandBody, call: Call, repeats: WriteRepeats): Promise<CommandResponse> {
    this.checkCall(call);
    if (body.$case !== 'alarm') {
      this.care.checkSound();
      this.applier.checkLag(this.core.commit);
    }
    this.store.validate(body);
    const request = this.requests.encode(body);
    this.care.checkSpace(body, request.data.length);
    const answer = this.requests.write(request, call, repeats);
    this.scheduleTurn();
    return answer;
  }

  /** Resolves when reads of `store` are linearizable: it holds all that was acknowledged before this call. */
  async linearize(call: Call): Promise<void> {
    this.checkCall(call);
    this.care.checkSound();
    const ready = this.requests.read(call);
    this.scheduleTurn();
    return ready;
  }

  /**
   * Hands leadership to a voter; resolves when this member sees it lead. Rejects with `not-leader` unless this
   * member leads, `bad-transferee` if `to` is no voter, `timed-out` if it did not take over in time.
   */
  async transferLeadership(to: MemberId, call: Call): Promise<void> {
    this.checkCall(call);
    checkTransfer(this.core.status(), to);
    if (to === this.options.memberId) {
      return;
    }
    const done = this.transfer.begin(to, call);
    this.enqueue({ type: 'transfer-leadership', to });
    return done;
  }

  /**
   * Changes who belongs to the cluster: all of `changes`, or none. Resolves when that is committed and in force for
   * good. Rejects with a ReplicaError; see its codes for why a change is refused. Any member may be asked.
   */
  async changeMembership(changes: readonly MembershipChange[], call: Call): Promise<MembershipOutcome> {
    this.checkCall(call);
    return this.membership.change(changes, call);
  }

  /**
   * Hands leadership to the voter that is ready soonest, if this member leads and there is one; it is going to stop.
   * Rejects as `transferLeadership`.
   */
  async handOver(call: Call): Promise<void> {
    const successor = this.membership.successor();
    if (successor !== null) {
      await this.transferLeadership(successor, call);
    }
  }

  /** Asks a peer. Rejects with a `PeerCallError`; with a ReplicaError if this member is stopping. */
  async callPeer<Request extends PeerRequest>(
    peer: MemberId,
    request: Request,
    call: Call,
  ): Promise<ResponseTo<Request>> {
    this.checkCall(call);
    if (this.transport === null) {
      throw new ReplicaError('stopped', 'the member is starting');
    }
    return this.transport.call(peer, request, call);
  }

  status(): ReplicaStatus {
    const { role, term, leader, commit, firstIndex, lastIndex, configuration } = this.core.status();
    return {
      memberId: this.options.memberId,
      clusterId: this.options.clusterId,
      role,
      term,
      leader,
      commitIndex: commit,
      appliedIndex: toLogIndex(this.store.appliedIndex),
      firstIndex,
      lastIndex,
      configuration,
    };
  }

  /** Whether this member's data is known to differ from that of the others: then it serves nothing. */
  get isIsolated(): boolean {
    return this.care.isIsolated;
  }

  /** What the state machine may take, in bytes. */
  get spaceQuotaBytes(): number {
    return this.limits.spaceQuotaBytes;
  }

  /** For metrics and checks. */
  measures(): ReplicaMeasures {
    const { writes, reads } = this.requests;
    return {
      pendingWrites: writes.size,
      pendingReads: reads.size,
      inputs: this.inputs.length,
      unwrittenBytes: this.persister.backlogBytes,
      leaderChanges: this.leaderChanges,
      writesFailed: writes.failed,
      readsFailed: reads.failed,
    };
  }

  /** Stops the member. Writes without an answer are told what is known of them. Idempotent: a second call waits for the first. */
  async close(): Promise<void> {
    this.closing ??= this.closeParts();
    return this.closing;
  }

  private async closeParts(): Promise<void> {
    this.stop();
    await this.transport?.close();
    await this.persister.close();
    await this.snapshots.close();
    await this.logReader.close();
    await this.leases.close();
    await closeData(this.options);
  }

  private start(): void {
    const removal = this.membership.removal();
    if (removal !== null) {
      throw removal;
    }
    this.options.observer?.restored(this.core);
    const events: PeerEvents = {
      receive: (message) => this.receive(message),
      closed: (peer) => this.enqueue({ type: 'peer-closed', peer }),
      unreachable: (peer) => this.enqueue({ type: 'peer-unreachable', peer }),
      turnedAway: (_peer, asOf) => this.leaveIfRemoved(asOf),
      knownBefore: () => this.fail(this.membership.loss()),
      asked: async (from, request) => this.answerPeer(from, request),
    };
    this.transport = this.options.connect(events);
    this.updatePeers();
    this.store.onWatchersBehind(() => this.scheduleTurn());
    this.armTick();
    const { voters, outgoingVoters } = this.core.status().configuration;
    if (voters.length === 1 && outgoingVoters.length === 0 && voters[0] === this.options.memberId) {
      this.enqueue({ type: 'campaign' }); // Nobody else could lead: do not wait for a timeout.
    }
  }

  /** A message from a peer. Beyond the limits it is dropped, as a network may: Raft repeats what matters. */
  private receive(message: Message): void {
    this.membership.heard(message.from);
    if (this.inputs.length >= this.limits.inputQueueMax) {
      return;
    }
    if (
      message.type === 'append-request' &&
      this.persister.backlogBytes > this.options.raft.uncommittedMaxBytes
    ) {
      return; // The disk is slower than the leader sends; the leader will probe again.
    }
    this.enqueue({ type: 'message', message });
  }

  private async answerPeer(from: MemberId, request: PeerRequest): Promise<PeerResponse> {
    if (this.stopped) {
      throw new ReplicaError('stopped', 'the member is stopping');
    }
    this.care.checkAnswer(request);
    return this.peerService.answer(from, request);
  }

  private enqueue(input: Input): void {
    if (!this.stopped) {
      this.inputs.push(input);
      this.scheduleTurn();
    }
  }

  private scheduleTurn(): void {
    if (!this.turnScheduled && !this.stopped) {
      this.turnScheduled = true;
      this.clock.defer(() => this.turn());
    }
  }

  private armTick(): void {
    this.tickTimer = this.clock.setTimer(this.options.tickMs, () => {
      this.armTick();
      this.enqueue({ type: 'tick' });
    });
  }

  private turn(): void {
    this.turnScheduled = false;
    if (this.stopped) {
      return;
    }
    try {
      const inputs = this.inputs;
      this.inputs = [];
      for (const input of inputs) {
        this.step(input);
        if (input.type === 'tick') {
          this.ticked();
        } else if (input.type === 'message') {
          this.snapshots.heard(input.message);
        }
      }
      this.requests.turn(this.core, (input) => this.step(input));
      if (this.membership.wantsTurn) {
        this.membership.turn((input) => this.step(input));
      }
      this.flush();
      this.applyNext();
      // A slice a turn, so that watchers who begin far in the past hold up nothing.
      if (this.store.feedWatchers()) this.scheduleTurn();
      if (this.settled !== this.core.settled) {
        this.settled = this.core.settled;
        this.clock.defer(() => this.membersSettled());
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Sends before it writes: the leader's disk works in parallel with replication (dissertation, section 10.2.1). */
  private flush(): void {
    if (this.outbox.length > 0) {
      const messages = this.outbox;
      this.outbox = [];
      this.transport?.send(messages);
    }
    this.persister.flush();
  }

  private ticked(): void {
    // Whoever read from it may have met a fault; it must not go unnoticed until the next entry.
    this.store.tidy();
    const nowMs = this.clock.monotonicMs();
    this.requests.tick(nowMs, this.core.leader !== null);
    this.transfer.expire(nowMs);
    this.snapshots.ticked(nowMs);
    this.care.tick(this.core.status());
    this.membership.tick(nowMs);
    this.leases.tick();
  }

  private step(input: Input): Output {
    const output = this.core.step(input, this.clock.monotonicMs());
    this.options.observer?.stepped(this.core, input, output);
    for (const message of output.messages) this.outbox.push(message);
    this.persister.add(output.persist, output.messagesAfterPersist);
    this.applier.add(output.entriesToApply);
    for (const read of output.logReads) {
      this.logReader.read(read);
    }
    this.requests.stepped(output);
    this.snapshots.stepped(output);
    for (const event of output.events) {
      this.observe(event);
    }
    return output;
  }

  private observe(event: RaftEvent): void {
    logEvent(this.logger, event, (id) => this.membership.nameOf(id));
    if (event.type === 'leader-changed') {
      if (event.leader !== null) this.leaderChanges += 1;
      this.requests.leaderChanged();
      this.transfer.leaderChanged(event.leader);
    } else if (event.type === 'role-changed' && event.role !== 'leader') {
      this.leases.deposed();
    } else if (event.type === 'transfer-aborted') {
      this.transfer.aborted(event.to);
    } else if (event.type === 'configuration-changed') {
      this.updatePeers();
    }
  }

  /** Applies one batch; the rest waits for the next turn, so that heartbeats are never behind a long apply. */
  private applyNext(): void {
    const applied = this.applier.applyNext();
    if (applied === null) return;
    const { index, term } = applied.last;
    this.leases.applied(applied.results, term, this.core.role === 'leader' ? this.core.term : null);
    this.enqueue({ type: 'applied', index });
  }

  /** Between turns: what comes of it leaves with the next one. */
  private stepNow(input: Input): void {
    if (this.stopped) return;
    this.step(input);
    this.scheduleTurn();
  }

  private createSnapshots(): Snapshots {
    return new Snapshots({
      ...this.options,
      persister: this.persister,
      core: this.core,
      call: async (peer, request, call) => this.callPeer(peer, request, call),
      nameOf: (id) => this.membership.nameOf(id),
      step: (input) => this.stepNow(input),
      replacing: () => this.applier.drop(),
      replaced: (snapshot) => this.applier.replaced(snapshot),
      failed: (error) => this.fail(error),
    });
  }

  private persisted(batch: number | null, messages: readonly Message[]): void {
    if (this.stopped) {
      return;
    }
    this.transport?.send(messages);
    if (batch !== null) {
      this.enqueue({ type: 'persisted', batch });
    }
  }

  private updatePeers(): void {
    this.transport?.setPeers(this.membership.peers(), this.core.settled);
  }

  /** A change of membership is final. Comes a turn later: who asked for its own removal gets its answer first. */
  private membersSettled(): void {
    if (!this.stopped) {
      this.updatePeers();
      this.leaveIfRemoved();
    }
  }

  /** By the own log, or by a configuration at the log index `asOf` that a peer knows and that does not name this member. */
  private leaveIfRemoved(asOf?: LogIndex): void {
    const removal = this.stopped ? null : this.membership.removal(asOf);
    if (removal !== null) {
      this.fail(removal);
    }
  }

  private checkCall(call: Call): void {
    if (this.stopped) {
      throw new ReplicaError('stopped', 'the member is stopping');
    }
    if (call.signal?.aborted === true) {
      throw new ReplicaError('cancelled', 'the caller gave up');
    }
  }

  private fail(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    if (!this.stopped) {
      // An operating error explains itself; of a fault, the place is wanted.
      const fields = error instanceof ReplicaError ? { code: error.code } : { err: error };
      this.logger.error(fields, `the member stops: ${error.message}`);
    }
    this.stop();
    this.failure.resolve(error);
  }

  private stop(): void {
    this.stopped = true;
    this.stopping.abort();
    this.tickTimer?.cancel();
    this.inputs = [];
    this.applier.drop();
    this.requests.stop();
    this.transfer.stop();
    this.membership.stop();
    this.leases.stop();
  }
}
