import type { MemberId, MonotonicMs, RaftStatus } from '@quorate/raft';
import { ReplicaError } from './replica-error.ts';
import type { Call } from './call.ts';

type Running = {
  readonly to: MemberId;
  readonly deadlineMs: MonotonicMs;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

/** Throws `not-leader` or `bad-transferee` if this member cannot hand leadership to that one. */
export function checkTransfer({ role, configuration }: RaftStatus, to: MemberId): void {
  if (role !== 'leader') {
    throw new ReplicaError('not-leader', 'only the leader can hand over leadership');
  }
  if (!configuration.voters.includes(to)) {
    throw new ReplicaError('bad-transferee', 'leadership can only go to a voting member');
  }
}

/** The callers that wait for a hand-over of leadership to end (dissertation, section 3.10). */
export class LeadershipTransfer {
  private running: Running | null = null;

  /** Waits for `to` to lead. A transfer that is under way to another member is given up. */
  begin(to: MemberId, call: Call): Promise<void> {
    this.end(new ReplicaError('timed-out', 'another transfer of leadership was asked for'));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.running = { to, deadlineMs: call.deadlineMs, resolve, reject };
    return promise;
  }

  leaderChanged(leader: MemberId | null): void {
    if (this.running === null || leader === null) {
      return;
    }
    if (leader === this.running.to) {
      const { resolve } = this.running;
      this.running = null;
      resolve();
    } else {
      this.end(new ReplicaError('timed-out', 'another member took over leadership'));
    }
  }

  /** The core has given up on `to`; it may be an earlier target than the one that is waited for. */
  aborted(to: MemberId): void {
    if (this.running?.to === to) {
      this.end(new ReplicaError('timed-out', 'the member did not take over leadership in time'));
    }
  }

  expire(nowMs: MonotonicMs): void {
    if (this.running !== null && this.running.deadlineMs <= nowMs) {
      this.aborted(this.running.to);
    }
  }

  stop(): void {
    this.end(new ReplicaError('stopped', 'the member is stopping'));
  }

  private end(error: ReplicaError): void {
    this.running?.reject(error);
    this.running = null;
  }
}
