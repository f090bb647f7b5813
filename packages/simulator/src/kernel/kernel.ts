import assert from 'node:assert/strict';
import { EventQueue, type ScheduledEvent } from './event-queue.ts';
import { forbidRealWorld } from './real-world.ts';

/** More events than this in one run mean that something spins without simulated time passing. */
const RUN_MAX_EVENTS = 4_000_000;

/**
 * Simulated time and the one order of all that happens.
 *
 * An event runs, then every promise reaction that follows from it, to the end, and only then the next event.
 * How: `step` runs in Node's next-tick queue. It runs one event and queues a microtask that puts `step` into
 * the next-tick queue again. Node empties the microtask queue completely before it looks at next ticks, so
 * all reactions, however long their chains, come before the next event. This needs no turn of Node's own
 * event loop, costs well under a microsecond, and depends on nothing but the order in which promises settle.
 *
 * Times are integer microseconds since the start of the run.
 */
export class Kernel {
  private readonly queue = new EventQueue();
  private readonly timers: 'forbidden' | 'never-fire';
  private currentUs = 0;
  private eventsRun = 0;
  private running = false;

  /** `timers`: see `forbidRealWorld`. */
  constructor(timers: 'forbidden' | 'never-fire' = 'forbidden') {
    this.timers = timers;
  }

  get nowUs(): number {
    return this.currentUs;
  }

  /** Events that have happened so far. */
  get eventCount(): number {
    return this.eventsRun;
  }

  /** Runs `run` after `delayUs`, rounded up to a microsecond; never before what is scheduled for then already. */
  schedule(delayUs: number, run: () => void): ScheduledEvent {
    assert(delayUs >= 0 && Number.isFinite(delayUs), `an event cannot happen after ${delayUs} us`);
    return this.queue.add(this.currentUs + Math.ceil(delayUs), run);
  }

  cancel(event: ScheduledEvent): void {
    event.run = null;
  }

  /**
   * Runs events until none is left, the time `untilUs` is reached, or `isDone` says so; it is asked after each
   * event, when its reactions are through. Rejects with whatever an event or `isDone` throws.
   */
  async run(untilUs: number, isDone: () => boolean): Promise<void> {
    assert(!this.running, 'the kernel is running already');
    this.running = true;
    const allowRealWorld = forbidRealWorld(this.timers);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const step = (): void => {
      try {
        if (isDone() || !this.runNext(untilUs)) {
          resolve();
          return;
        }
      } catch (error) {
        reject(error);
        return;
      }
      queueMicrotask(proceed);
    };
    const proceed = (): void => process.nextTick(step);
    process.nextTick(step);
    try {
      await promise;
    } finally {
      allowRealWorld();
      this.running = false;
    }
  }

  /** Runs the next event that is due by `untilUs`. False if there is none; then the time is `untilUs`. */
  private runNext(untilUs: number): boolean {
    const timeUs = this.queue.nextTimeUs();
    if (timeUs === null || timeUs > untilUs) {
      this.currentUs = Math.max(this.currentUs, untilUs);
      return false;
    }
    const event = this.queue.take();
    const run = event?.run;
    assert(event !== null && run !== null && run !== undefined);
    event.run = null;
    this.currentUs = timeUs;
    this.eventsRun += 1;
    assert(this.eventsRun <= RUN_MAX_EVENTS, `more than ${RUN_MAX_EVENTS} events in one run`);
    run();
    return true;
  }
}
