import { handleAppendRequest } from './append.ts';
import { handleApplied, handleApplyRead, handOutEntries } from './apply.ts';
import { unreachable } from './assert.ts';
import { advanceCommit } from './commit.ts';
import {
  campaign,
  countOwnVote,
  handleLeaderClosed,
  handlePreVoteRequest,
  handlePreVoteResponse,
  handleVoteRequest,
  handleVoteResponse,
  ordinaryCampaign,
} from './election.ts';
import { handleHeartbeatRequest, handleHeartbeatResponse } from './heartbeat.ts';
import type { SnapshotDescription } from './entry.ts';
import { type LogIndex, type MemberId, type MonotonicMs, noIndex, type Term } from './identifiers.ts';
import type { Input, LogRead } from './input.ts';
import { startPromise } from './lease.ts';
import { evictFromCache, termAt } from './log.ts';
import { leaveJointPhase, proposeConfiguration, stepDownIfRemoved } from './membership.ts';
import type { Message } from './message.ts';
import { checkOptions } from './option-checks.ts';
import type { RaftOptions } from './options.ts';
import type { Output, Role } from './output.ts';
import { finishStep, handlePersisted } from './persistence.ts';
import { handleForwardedProposals, handlePropose, handleProposalsRefused } from './proposals.ts';
import {
  handleForwardedRead,
  handleForwardedReadRefused,
  handleForwardedReadResponse,
  handleRead,
  refuseForwardedReads,
  serveWaitingReads,
} from './read-index.ts';
import { handleAppendResponse, handleReplicateRead, handleUnreachable, replicate } from './replication.ts';
import type { LoggedConfiguration, RestoredState } from './restored-state.ts';
import {
  describeSnapshot,
  handleCompact,
  handleSnapshotInstalled,
  handleSnapshotInstalling,
  handleSnapshotRequest,
  handleSnapshotResponse,
  handleSnapshotSent,
  needsSnapshot,
} from './snapshots.ts';
import { createState, leaderOf, settledConfiguration, type State } from './state.ts';
import { type RaftStatus, statusOf } from './status.ts';
import { emit, emptyPendingOutput, type Step } from './step.ts';
import { isAdmitted } from './terms.ts';
import { handleTick } from './tick.ts';
import { continueTransfer, handleTimeoutNow, startTransfer } from './transfer.ts';

/**
 * One member's part in the consensus: a deterministic function from inputs to outputs that keeps its state
 * in between. It does no I/O, reads no clock and never waits. The caller's duties are listed at `Output`.
 *
 * A call that throws an `AssertionError` has found a broken invariant; the core must not be used again.
 */
export class RaftCore {
  readonly #step: Step;

  private constructor(options: RaftOptions, state: State) {
    this.#step = { options, state, nowMs: 0, pending: emptyPendingOutput() };
  }

  /** A member that starts, as a follower. Asserts that options and what was restored make sense. */
  static create(options: RaftOptions, restored: RestoredState): RaftCore {
    checkOptions(options);
    return new RaftCore(options, createState(options, restored));
  }

  /** Goes on from a state that `cloneState` copied: for model checkers. The core owns it from now on. */
  static resume(options: RaftOptions, state: State): RaftCore {
    checkOptions(options);
    return new RaftCore(options, state);
  }

  /** Takes one input. `nowMs` never goes back; only leases depend on it. The output is the caller's to keep. */
  step(input: Input, nowMs: MonotonicMs): Output {
    const step = this.#step;
    const { state } = step;
    step.nowMs = nowMs;
    step.pending = emptyPendingOutput();
    startPromise(step);
    const leaderBefore = leaderOf(state);
    const termBefore = state.term;
    handleInput(step, input);
    settleLeader(step);
    noteLeaderChange(step, leaderBefore, termBefore);
    handOutEntries(step);
    evictFromCache(state.log, evictableIndex(state), step.options.logCacheMaxBytes);
    return finishStep(step, input.type === 'tick');
  }

  /** For operators and callers: a copy of what there is to know. */
  status(): RaftStatus {
    return statusOf(this.#step.state);
  }

  get role(): Role {
    return this.#step.state.role.kind;
  }

  get term(): Term {
    return this.#step.state.term;
  }

  /** The leader of the current term, as far as it is known. */
  get leader(): MemberId | null {
    return leaderOf(this.#step.state);
  }

  get commit(): LogIndex {
    return this.#step.state.commit;
  }

  /**
   * The configurations that may be in force, ascending by index: the last one that is known to be committed, and
   * those after it. Whoever has a vote in any of them may be needed (`isElectable`). Empty for a new member.
   */
  get configurations(): readonly LoggedConfiguration[] {
    const { state } = this.#step;
    const settledIndex = this.settled?.index ?? noIndex;
    return state.configurations.filter(({ index }) => index >= settledIndex);
  }

  /** The last configuration that is known to be committed; null if there is none yet. */
  get settled(): LoggedConfiguration | null {
    return settledConfiguration(this.#step.state) ?? null;
  }

  /** The term of an entry of the log; null if it is not there, or has left it. */
  termAt(index: LogIndex): Term | null {
    const { log } = this.#step.state;
    return index > log.lastIndex ? null : termAt(log, index);
  }

  /** The entry with which the newest durable snapshot ends; 0 if there is none. */
  get snapshotIndex(): LogIndex {
    return this.#step.state.snapshot?.index ?? noIndex;
  }

  /** Whether to install a snapshot: `snapshot-installing` may be given only in the same turn. */
  needsSnapshot(snapshot: SnapshotDescription): boolean {
    return needsSnapshot(this.#step.state, snapshot);
  }

  /**
   * What a snapshot of the state machine as of `index` is called. `index` must be committed, and not before
   * `snapshotIndex`.
   */
  describeSnapshot(index: LogIndex): SnapshotDescription {
    return describeSnapshot(this.#step.state, index);
  }

  /** The state itself, for checks: read it, never write to it. */
  get state(): State {
    return this.#step.state;
  }
}

/** Each input goes to the mechanism that it concerns. */
function handleInput(step: Step, input: Input): void {
  const { role } = step.state;
  switch (input.type) {
    case 'tick':
      return handleTick(step);
    case 'message':
      return handleMessage(step, input.message);
    case 'propose':
      return handlePropose(step, input.proposals);
    case 'propose-configuration':
      return proposeConfiguration(step, input.id, input.configuration);
    case 'read':
      return handleRead(step, input.id);
    case 'persisted':
      handlePersisted(step, input.batch);
      if (role.kind === 'leader') {
        return advanceCommit(step, role);
      }
      return countOwnVote(step);
    case 'applied':
      return handleApplied(step, input.index);
    case 'log-read':
      return handleLogRead(step, input.read, input.entries);
    case 'peer-closed':
      if (role.kind === 'leader') {
        return handleUnreachable(step, role, input.peer);
      }
      return handleLeaderClosed(step, input.peer);
    case 'peer-unreachable':
      return role.kind === 'leader' ? handleUnreachable(step, role, input.peer) : undefined;
    case 'transfer-leadership':
      return startTransfer(step, input.to);
    case 'campaign':
      return campaign(step, ordinaryCampaign(step), 'asked to campaign');
    case 'compact':
      return handleCompact(step, input.snapshot, input.through);
    case 'snapshot-sent':
      return role.kind === 'leader' ? handleSnapshotSent(step, role, input.peer, input.delivered) : undefined;
    case 'snapshot-installing':
      return handleSnapshotInstalling(step, input.snapshot);
    case 'snapshot-installed':
      return handleSnapshotInstalled(step, input.snapshot);
    default:
      return unreachable(input);
  }
}

/** `isAdmitted` has settled the term: what arrives here belongs to the current one, or does not depend on it. */
function handleMessage(step: Step, message: Message): void {
  if (!isAdmitted(step, message)) {
    return;
  }
  const { role } = step.state;
  switch (message.type) {
    case 'pre-vote-request':
      return handlePreVoteRequest(step, message);
    case 'pre-vote-response':
      return handlePreVoteResponse(step, message);
    case 'vote-request':
      return handleVoteRequest(step, message);
    case 'vote-response':
      return handleVoteResponse(step, message);
    case 'append-request':
      return handleAppendRequest(step, message);
    case 'append-response':
      return role.kind === 'leader' ? handleAppendResponse(step, role, message) : undefined;
    case 'heartbeat-request':
      return handleHeartbeatRequest(step, message);
    case 'heartbeat-response':
      return role.kind === 'leader' ? handleHeartbeatResponse(step, role, message) : undefined;
    case 'snapshot-request':
      return handleSnapshotRequest(step, message);
    case 'snapshot-response':
      return role.kind === 'leader' ? handleSnapshotResponse(step, role, message) : undefined;
    case 'timeout-now':
      return handleTimeoutNow(step);
    case 'forwarded-proposals':
      return handleForwardedProposals(step, message);
    case 'proposals-refused':
      return handleProposalsRefused(step, message);
    case 'forwarded-read':
      return handleForwardedRead(step, message);
    case 'forwarded-read-response':
      return handleForwardedReadResponse(step, message);
    case 'forwarded-read-refused':
      return handleForwardedReadRefused(step, message);
    default:
      return unreachable(message);
  }
}

function handleLogRead(
  step: Step,
  read: LogRead,
  entries: Extract<Input, { type: 'log-read' }>['entries'],
): void {
  const { role } = step.state;
  if (read.purpose.kind === 'apply') {
    handleApplyRead(step, read.first, entries);
  } else if (role.kind === 'leader') {
    handleReplicateRead(step, role, read.purpose.peer, entries);
  }
}

/** What a leader owes everyone at the end of a step, whatever the step was about. */
function settleLeader(step: Step): void {
  const { role } = step.state;
  if (role.kind !== 'leader') {
    return;
  }
  serveWaitingReads(step, role);
  leaveJointPhase(step, role);
  replicate(step, role);
  continueTransfer(step, role);
  stepDownIfRemoved(step);
}

function noteLeaderChange(step: Step, leaderBefore: MemberId | null, termBefore: Term): void {
  const { state } = step;
  const leader = leaderOf(state);
  if (leader === leaderBefore && (leader === null || state.term === termBefore)) {
    return;
  }
  refuseForwardedReads(step, 'no-leader');
  emit(step, { type: 'leader-changed', term: state.term, leader });
}

/** Entries up to here are in storage and settled: their bytes can be had again. */
function evictableIndex(state: State): LogIndex {
  const { durableIndex } = state.persistence;
  return state.commit < durableIndex ? state.commit : durableIndex;
}
