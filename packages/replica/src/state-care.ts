import type { CommandBody, CommandResponse } from '@quorate/kv';
import type { MemberId, RaftStatus } from '@quorate/raft';
import { Alarms } from './alarms.ts';
import type { Call } from './call.ts';
import { CorruptionCheck, type DigestRequest, type DigestResponse } from './corruption-check.ts';
import type { PeerRequest } from './peer-call.ts';
import type { ReplicaOptions } from './replica-options.ts';

/** What looking after the state machine needs of the member. */
export type StateCareParts = {
  /** The state machine was empty when the member was opened, and was built from the log or a snapshot since. */
  readonly isRebuilt: boolean;
  /** Aborted when the member stops: then nothing touches the store any more. */
  readonly stopping: AbortSignal;
  readonly nameOf: (id: MemberId) => string;
  readonly propose: (body: CommandBody, call: Call) => Promise<CommandResponse>;
  readonly callPeer: (peer: MemberId, request: DigestRequest, call: Call) => Promise<DigestResponse>;
  readonly handOver: (call: Call) => Promise<void>;
  /** The member must stop, so that its state machine is built anew. */
  readonly failed: (error: Error) => void;
};

/** Sees to it that the state machine has room and is right: alarms, and the comparison with the other members. */
export class StateCare {
  private readonly alarms: Alarms;
  private readonly corruptionCheck: CorruptionCheck;

  static of(
    { memberId, limits, store, clock, logger, corruptionCheckIntervalMs }: ReplicaOptions,
    parts: StateCareParts,
  ): StateCare {
    const shared = { ...parts, memberId, store, clock, logger };
    return new StateCare(
      new Alarms({ ...shared, spaceQuotaBytes: limits.spaceQuotaBytes }),
      new CorruptionCheck({ ...shared, intervalMs: corruptionCheckIntervalMs }),
    );
  }

  private constructor(alarms: Alarms, corruptionCheck: CorruptionCheck) {
    this.alarms = alarms;
    this.corruptionCheck = corruptionCheck;
  }

  get isIsolated(): boolean {
    return this.alarms.isIsolated;
  }

  /** Throws a ReplicaError `corrupt` if this member must not serve. */
  checkSound(): void {
    this.alarms.checkSound();
  }

  /** Throws a StoreError `no-space` if the command, of so many bytes, would take more than the quota. */
  checkSpace(body: CommandBody, bytes: number): void {
    this.alarms.checkSpace(body, bytes);
  }

  /** Throws a ReplicaError `corrupt` for what a peer must not get from this member. */
  checkAnswer({ type }: PeerRequest): void {
    if (type === 'snapshot-open') this.alarms.checkSound();
  }

  tick({ role, configuration }: Pick<RaftStatus, 'role' | 'configuration'>): void {
    this.alarms.tick(role === 'leader', configuration);
    this.corruptionCheck.tick(role === 'leader', configuration);
  }
}
