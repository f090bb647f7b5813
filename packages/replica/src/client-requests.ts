import { type CommandBody, type CommandResponse, encodeCommand } from '@quorate/kv';
import { type Input, type MonotonicMs, type Output, type RaftCore, toLogIndex } from '@quorate/raft';
import type { Call } from './call.ts';
import { PendingReads } from './pending-reads.ts';
import { PendingWrites, type WriteRepeats } from './pending-writes.ts';
import { ReplicaError } from './replica-error.ts';
import type { ReplicaOptions } from './replica-options.ts';

/** A write in the form in which it is logged. */
export type LoggedRequest = { readonly sequence: number; readonly data: Uint8Array };

/**
 * The writes and reads of this member's clients on their way to the core: numbered and bounded when they come, given to
 * the core in batches while it takes them and a leader is known, and held back for a tick when it does not.
 */
export class ClientRequests {
  /** Who waits for a write, and for a read. */
  readonly writes: PendingWrites;
  readonly reads: PendingReads;
  private readonly options: Pick<ReplicaOptions, 'memberId' | 'store' | 'clock' | 'limits'>;
  private nextSequence: number;
  /** Set when a proposal was turned away: wait for a tick before trying again, instead of spinning. */
  private holdProposals = false;
  /** The same for reads. */
  private holdReads = false;

  constructor(options: ReplicaOptions) {
    this.options = options;
    // Distinct from every earlier life of this member with overwhelming probability: what an earlier life
    // proposed may still be applied in this one, and must not be taken for an answer.
    this.nextSequence = options.random.integer(2 ** 31) * 2 ** 21 + 1;
    const { pendingProposalsMax: maxCount, pendingProposalsMaxBytes: maxBytes } = options.limits;
    this.writes = new PendingWrites({ maxCount, maxBytes });
    const retryMs = options.raft.electionTimeoutTicks * options.tickMs * 0.5;
    this.reads = new PendingReads({ maxCount: options.limits.pendingReadsMax, retryMs });
  }

  /** A number for something that is proposed, which nothing else has. */
  nextId(): number {
    return this.nextSequence++;
  }

  /** Rejects with `request-too-large`. */
  encode(body: CommandBody): LoggedRequest {
    const { memberId: member, limits } = this.options;
    const sequence = this.nextId();
    const data = encodeCommand({ requestId: { member, sequence }, body });
    if (data.length > limits.requestMaxBytes) {
      throw new ReplicaError(
        'request-too-large',
        `the request takes ${data.length} bytes, the limit is ${limits.requestMaxBytes}`,
      );
    }
    return { sequence, data };
  }

  /** Resolves with the state machine's answer. Rejects with a StoreError, or a ReplicaError. */
  write({ sequence, data }: LoggedRequest, call: Call, repeats: WriteRepeats): Promise<CommandResponse> {
    return this.writes.add(sequence, data, call, repeats);
  }

  /** Resolves when the state machine holds all that was acknowledged before. Rejects with a ReplicaError. */
  read(call: Call): Promise<void> {
    return this.reads.add(call);
  }

  /** Gives the core what waits, as far as it takes it now. */
  turn(core: RaftCore, step: (input: Input) => Output): void {
    while (this.writes.hasWaiting && !this.holdProposals && core.leader !== null) {
      step({ type: 'propose', proposals: this.writes.takeBatch(core.term) });
    }
    if (core.leader === null || this.holdReads) return;
    const id = this.reads.nextBatch(this.options.clock.monotonicMs());
    if (id !== null) step({ type: 'read', id });
  }

  /** The core has taken a step: what of it concerns clients. */
  stepped({ proposalsRefused, readsReady, readsRefused }: Output): void {
    for (const { id, reason } of proposalsRefused) {
      this.writes.refuse(id, reason);
      this.holdProposals = true;
    }
    for (const { id, index } of readsReady) {
      this.reads.ready(id, index, toLogIndex(this.options.store.appliedIndex));
    }
    for (const { id } of readsRefused) {
      this.reads.refused(id);
      this.holdReads = true;
    }
  }

  /** What was held back may be tried again: somebody else leads. */
  leaderChanged(): void {
    this.holdProposals = false;
    this.holdReads = false;
  }

  /** What was held back may be tried again, and who has waited too long is told what is known. */
  tick(nowMs: MonotonicMs, isLeaderKnown: boolean): void {
    this.holdProposals = false;
    this.holdReads = false;
    this.writes.expire(nowMs);
    this.reads.expire(nowMs, isLeaderKnown);
  }

  /** Tells everyone who waits what is known. */
  stop(): void {
    this.writes.stop();
    this.reads.stop();
  }
}
