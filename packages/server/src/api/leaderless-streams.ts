import type { Clock, Replica, Timer } from '@quorate/replica';
import { replicaFailure } from './error-table.ts';
import type { Guard } from './guard.ts';
import type { StreamContext } from './stream-context.ts';

export type LeaderlessStreamsOptions = {
  readonly member: Pick<Replica, 'status'>;
  readonly clock: Clock;
  readonly electionTimeoutMs: number;
};

/** A stream is worth more than a call: it costs much to open all of them again elsewhere. So it lasts this long. */
const electionTimeoutsMax = 3;

/**
 * Ends the streams of clients that ask for a member with a leader (metadata `hasleader: true`) when there has been
 * none for three election timeouts, so that they try another member.
 */
export class LeaderlessStreams {
  private readonly options: LeaderlessStreamsOptions;
  private readonly open = new Set<StreamContext>();
  private timer: Timer | null = null;
  /** How many election timeouts in a row there has been no leader. */
  private timeouts = 0;

  constructor(options: LeaderlessStreamsOptions) {
    this.options = options;
  }

  readonly guard: Guard = (call) => {
    if (call.kind !== 'stream' || call.context.metadata('hasleader') !== 'true') return null;
    const { context } = call;
    this.open.add(context);
    this.arm();
    return () => {
      this.open.delete(context);
      if (this.open.size === 0) this.disarm();
    };
  };

  private arm(): void {
    if (this.timer !== null) return;
    const { clock, electionTimeoutMs } = this.options;
    this.timer = clock.setTimer(electionTimeoutMs, () => {
      this.timer = null;
      this.look();
      if (this.open.size > 0) this.arm();
    });
  }

  private disarm(): void {
    this.timer?.cancel();
    this.timer = null;
    this.timeouts = 0;
  }

  private look(): void {
    this.timeouts = this.options.member.status().leader === null ? this.timeouts + 1 : 0;
    if (this.timeouts < electionTimeoutsMax) return;
    for (const context of this.open) context.fail(replicaFailure('no-leader'));
  }
}
