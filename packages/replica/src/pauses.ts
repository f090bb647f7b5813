import type { Call } from './call.ts';
import type { Clock, Timer } from './ports.ts';
import { ReplicaError } from './replica-error.ts';

type Pause = { readonly timer: Timer; readonly end: (error: Error | null) => void };

/** Waits of callers who look again whether something has changed. */
export class Pauses {
  private readonly clock: Clock;
  private readonly running = new Set<Pause>();
  private isStopped = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Resolves after `ms`. Rejects with `no-leader` at the call's deadline, `cancelled`, or `stopped`. */
  async pause(ms: number, call: Call): Promise<void> {
    const leftMs = call.deadlineMs - this.clock.monotonicMs();
    if (this.isStopped) throw new ReplicaError('stopped', 'the member is stopping');
    if (call.signal?.aborted === true) throw new ReplicaError('cancelled', 'the caller gave up');
    if (leftMs <= 0) throw new ReplicaError('no-leader', 'no leader answered before the deadline');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = (): void => pause.end(new ReplicaError('cancelled', 'the caller gave up'));
    const pause: Pause = {
      timer: this.clock.setTimer(Math.min(ms, leftMs), () => pause.end(null)),
      end: (error) => {
        this.running.delete(pause);
        pause.timer.cancel();
        call.signal?.removeEventListener('abort', cancel);
        if (error === null) resolve();
        else reject(error);
      },
    };
    this.running.add(pause);
    call.signal?.addEventListener('abort', cancel, { once: true });
    return promise;
  }

  /** Ends all of them, and those to come: the member stops. */
  stop(): void {
    this.isStopped = true;
    for (const pause of this.running) {
      pause.end(new ReplicaError('stopped', 'the member is stopping'));
    }
  }
}
