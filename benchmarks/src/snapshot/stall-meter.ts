/** How long the event loop was busy without a break. */
export type Stalls = {
  /** By the clock, with what others took of the core meanwhile. */
  readonly longestMs: number;
  /** CPU time of the thread in the turn that took most of it. */
  readonly longestCpuMs: number;
};

/** Measures how long each turn of the event loop takes. It keeps the loop turning, and so takes a core. */
export class StallMeter {
  private stalls: Stalls = { longestMs: 0, longestCpuMs: 0 };
  private lastMs = performance.now();
  private lastCpuMs = threadCpuMs();
  private isOver = false;

  constructor() {
    this.turn();
  }

  /** What it has seen since it was asked last. */
  take(): Stalls {
    const { stalls } = this;
    this.stalls = { longestMs: 0, longestCpuMs: 0 };
    this.lastMs = performance.now();
    this.lastCpuMs = threadCpuMs();
    return stalls;
  }

  stop(): void {
    this.isOver = true;
  }

  private turn(): void {
    const nowMs = performance.now();
    const cpuMs = threadCpuMs();
    this.stalls = {
      longestMs: Math.max(this.stalls.longestMs, nowMs - this.lastMs),
      longestCpuMs: Math.max(this.stalls.longestCpuMs, cpuMs - this.lastCpuMs),
    };
    this.lastMs = nowMs;
    this.lastCpuMs = cpuMs;
    if (!this.isOver) setImmediate(() => this.turn());
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
