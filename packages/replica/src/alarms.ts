import { type CommandBody, type CommandResponse, type Store, StoreError, takesSpace } from '@quorate/kv';
import {
  type AlarmMember,
  type AlarmRequest,
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmType,
} from '@quorate/protocol';
import type { Configuration, MemberId, MonotonicMs } from '@quorate/raft';
import type { Clock, Logger } from './ports.ts';
import { ReplicaError } from './replica-error.ts';
import type { Call } from './call.ts';

export type AlarmsOptions = {
  readonly memberId: MemberId;
  /** What the state machine may take, in bytes. */
  readonly spaceQuotaBytes: number;
  readonly store: Pick<Store, 'alarms' | 'sizeInUseBytes'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly propose: (body: CommandBody, call: Call) => Promise<CommandResponse>;
  /** The state machine was empty when the member was opened, and was built from the log or a snapshot since. */
  readonly isRebuilt: boolean;
  /** Hands leadership to another member, if there is one. */
  readonly handOver: (call: Call) => Promise<void>;
  /** The member must stop, so that its state machine is built anew. */
  readonly failed: (error: Error) => void;
};

/** From this part of the quota downwards there is room again. Between it and the quota nothing changes. */
const roomAgainRatio = 0.9;
/** How long one attempt to raise or clear an alarm may take; then it is seen whether it is still needed. */
const attemptMs = 5_000;
/** How long to wait after an attempt that failed. */
const pauseMs = 1_000;

/**
 * The alarms as far as this member has to do with them. It raises its own NOSPACE alarm when the state machine
 * takes more than the quota, and clears it when there is room again: each member measures its own engine, and
 * what follows from that goes through the log, so that all refuse the same commands. A leader clears the alarms
 * of members that are no longer there.
 *
 * A CORRUPT alarm isolates the member that it names (member 0: all): it serves nothing. The member that is named
 * lets another one lead and stops; its owner throws the state machine away, and the next life builds it from what
 * the others have, or from the log. Then the member clears the alarm itself. Whom member 0 names stays as it is:
 * nobody knows who is right.
 */
export class Alarms {
  private readonly options: AlarmsOptions;
  private attempt: Promise<void> | null = null;
  private pausedUntilMs: MonotonicMs = 0;
  private usedBytes: number;
  private isRebuilt: boolean;
  /** A write was turned away since the last tick. */
  private hasRefused = false;

  constructor(options: AlarmsOptions) {
    this.options = options;
    this.usedBytes = options.store.sizeInUseBytes;
    this.isRebuilt = options.isRebuilt;
  }

  /** Whether this member's data is not what it should be. */
  get isIsolated(): boolean {
    const { store, memberId } = this.options;
    return store
      .alarms()
      .some(
        ({ alarm, memberID }) => alarm === AlarmType.CORRUPT && (memberID === memberId || memberID === 0n),
      );
  }

  /** Throws `corrupt` if this member must not serve. */
  checkSound(): void {
    if (this.isIsolated) {
      throw new ReplicaError('corrupt', 'the data of this member differs from that of the others');
    }
  }

  /** Throws a StoreError `no-space` if the command, of so many bytes, would take more than the quota. */
  checkSpace(body: CommandBody, bytes: number): void {
    if (takesSpace(body) && this.usedBytes + bytes > this.options.spaceQuotaBytes) {
      this.hasRefused = true;
      throw new StoreError('no-space');
    }
  }

  /** Looks what has to be raised or cleared, and starts to. Called at each tick, on every member. */
  tick(isLeader: boolean, configuration: Configuration): void {
    const { clock, store } = this.options;
    this.usedBytes = store.sizeInUseBytes;
    const attempt = this.neededAttempt(isLeader, configuration);
    this.hasRefused = false;
    if (attempt !== null && this.attempt === null && clock.monotonicMs() >= this.pausedUntilMs) {
      this.attempt = attempt().finally(() => {
        this.attempt = null;
      });
    }
  }

  private neededAttempt(isLeader: boolean, configuration: Configuration): (() => Promise<void>) | null {
    const { memberId, store, failed } = this.options;
    const isNamed = store.alarms().some((alarm) => isAlarm(alarm, AlarmType.CORRUPT, memberId));
    if (isNamed && !this.isRebuilt) {
      if (isLeader) return async () => this.handOver();
      failed(
        new ReplicaError(
          'corrupt',
          'the data of this member differs from that of the others: it is thrown away, and built anew from theirs',
        ),
      );
      return null;
    }
    const request = this.neededRequest(isLeader, configuration);
    return request === null ? null : async () => this.propose(request);
  }

  private async handOver(): Promise<void> {
    const { clock, logger, handOver } = this.options;
    try {
      await handOver({ deadlineMs: clock.monotonicMs() + attemptMs });
    } catch (error) {
      logger.debug({ err: error }, 'could not hand over leadership yet');
    }
    this.pausedUntilMs = clock.monotonicMs() + pauseMs;
  }

  private neededRequest(isLeader: boolean, { addresses }: Configuration): AlarmRequest | null {
    const { memberId, spaceQuotaBytes, store } = this.options;
    const alarms = store.alarms();
    const corrupt = alarms.find((alarm) => isAlarm(alarm, AlarmType.CORRUPT, memberId));
    // What was wrong is gone: the state machine is another one by now.
    if (corrupt !== undefined) return { action: AlarmAction.DEACTIVATE, ...corrupt };
    const isRaised = alarms.some((alarm) => isAlarm(alarm, AlarmType.NOSPACE, memberId));
    const hasRoom = this.usedBytes <= spaceQuotaBytes * roomAgainRatio;
    if (isRaised && hasRoom) {
      return { action: AlarmAction.DEACTIVATE, alarm: AlarmType.NOSPACE, memberID: memberId };
    }
    if (!isRaised && (this.usedBytes > spaceQuotaBytes || (this.hasRefused && !hasRoom))) {
      return { action: AlarmAction.ACTIVATE, alarm: AlarmType.NOSPACE, memberID: memberId };
    }
    const orphan = alarms.find(
      ({ memberID }) => memberID !== 0n && !addresses.some(({ id }) => id === memberID),
    );
    if (!isLeader || orphan === undefined) return null;
    return { action: AlarmAction.DEACTIVATE, ...orphan };
  }

  private async propose(request: AlarmRequest): Promise<void> {
    const { clock, logger, propose, spaceQuotaBytes } = this.options;
    const isRaising = request.action === AlarmAction.ACTIVATE;
    try {
      await propose({ $case: 'alarm', alarm: request }, { deadlineMs: clock.monotonicMs() + attemptMs });
      // Whatever is found to be wrong from now on is in the state machine that was built.
      if (request.alarm === AlarmType.CORRUPT) this.isRebuilt = false;
      const figures = { usedBytes: this.usedBytes, quotaBytes: spaceQuotaBytes };
      if (isRaising) {
        logger.warn(
          figures,
          `alarm NOSPACE: ${this.usedBytes} bytes are in use and the quota is ${spaceQuotaBytes}; until keys are deleted and compacted, or the quota is raised, writes are refused`,
        );
      } else {
        logger.info(figures, 'an alarm is cleared');
      }
    } catch (error) {
      this.pausedUntilMs = clock.monotonicMs() + pauseMs;
      logger.debug({ err: error }, `could not ${isRaising ? 'raise' : 'clear'} an alarm yet`);
    }
  }
}

function isAlarm({ alarm, memberID }: AlarmMember, type: AlarmType, member: bigint): boolean {
  return alarm === type && memberID === member;
}
