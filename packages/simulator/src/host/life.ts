import assert from 'node:assert/strict';
import type { Kernel } from '../kernel/kernel.ts';

/**
 * One process, from its start to its end. Everything that reaches the production code of a member, be it a
 * timer, a message or the end of a disk operation, is an event of its life.
 *
 * A dead process handles no events: promises that it waits for never settle, so whatever it was doing stops
 * at the await where it stood. A paused process (SIGSTOP) handles them when it is resumed, in their order.
 */
export class Life {
  private readonly kernel: Kernel;
  private state: 'running' | 'paused' | 'dead' = 'running';
  private held: (() => void)[] = [];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  get alive(): boolean {
    return this.state !== 'dead';
  }

  get paused(): boolean {
    return this.state === 'paused';
  }

  /** Runs `run` in this process after `delayUs`. The result cancels it. */
  after(delayUs: number, run: () => void): () => void {
    let cancelled = false;
    const guarded = (): void => {
      if (cancelled || this.state === 'dead') {
        return;
      }
      if (this.state === 'paused') {
        this.held.push(guarded);
        return;
      }
      run();
    };
    const event = this.kernel.schedule(delayUs, guarded);
    return () => {
      cancelled = true;
      this.kernel.cancel(event);
    };
  }

  kill(): void {
    this.state = 'dead';
    this.held = [];
  }

  pause(): void {
    assert(this.state === 'running', 'only a running process can be paused');
    this.state = 'paused';
  }

  /** What was held back happens now, one event after the other. */
  resume(): void {
    if (this.state !== 'paused') {
      return;
    }
    this.state = 'running';
    const held = this.held;
    this.held = [];
    for (const run of held) {
      this.kernel.schedule(0, run);
    }
  }
}
