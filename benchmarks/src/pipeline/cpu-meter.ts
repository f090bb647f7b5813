import assert from 'node:assert/strict';

/**
 * Divides the CPU time of this thread among the members that run in it.
 *
 * Everything a member does begins with a callback: a timer, a message, a finished disk operation. Each of
 * those says `switchTo` first, and from then on time is the member's, up to the next switch. That is right
 * because promise reactions run before the next callback does.
 */
export class CpuMeter {
  readonly #spentUs: number[];
  #current = 0;
  #mark = process.threadCpuUsage();

  constructor(members: number) {
    this.#spentUs = Array.from({ length: members }, () => 0);
  }

  switchTo(member: number): void {
    if (member !== this.#current) {
      this.#settle();
      this.#current = member;
    }
  }

  /** Microseconds of each member so far. */
  read(): readonly number[] {
    this.#settle();
    return [...this.#spentUs];
  }

  #settle(): void {
    const now = process.threadCpuUsage();
    const elapsedUs = now.user - this.#mark.user + (now.system - this.#mark.system);
    const spentUs = this.#spentUs[this.#current];
    assert(spentUs !== undefined);
    this.#spentUs[this.#current] = spentUs + elapsedUs;
    this.#mark = now;
  }
}
