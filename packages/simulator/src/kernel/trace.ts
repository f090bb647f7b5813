import type { Kernel } from './kernel.ts';

/** `story`: what a person wants to read. `detail`: also every message, disk operation and client operation. */
export type TraceLevel = 'off' | 'story' | 'detail';

/** The lines that tell what happened in a run: time, who, what. The same run always gives the same bytes. */
export class Trace {
  private readonly kernel: Kernel;
  private readonly level: TraceLevel;
  private readonly collected: string[] = [];

  constructor(kernel: Kernel, level: TraceLevel) {
    this.kernel = kernel;
    this.level = level;
  }

  get tellsStory(): boolean {
    return this.level !== 'off';
  }

  get tellsDetail(): boolean {
    return this.level === 'detail';
  }

  get lines(): readonly string[] {
    return this.collected;
  }

  story(who: string, what: string): void {
    if (this.tellsStory) {
      this.add(who, what);
    }
  }

  /** `what` is only asked for if it is wanted: most runs want no detail. */
  detail(who: string, what: () => string): void {
    if (this.tellsDetail) {
      this.add(who, what());
    }
  }

  private add(who: string, what: string): void {
    const seconds = (this.kernel.nowUs / 1_000_000).toFixed(6).padStart(10);
    this.collected.push(`${seconds} s  ${who.padEnd(8)} ${what}`);
  }
}
