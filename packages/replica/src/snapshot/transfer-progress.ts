import type { Clock } from '../ports.ts';

/** How often people are told how far a long transfer is. */
const reportIntervalMs = 5_000;

/** Tells people how far a transfer is: not more often than every few seconds, and once more at its end. */
export class TransferProgress {
  private readonly clock: Clock;
  private readonly totalBytes: number;
  private readonly startedMs: number;
  private readonly startBytes: number;
  private doneBytes: number;
  private reportedMs: number;

  /** `startBytes` are there already. */
  constructor(clock: Clock, totalBytes: number, startBytes: number) {
    this.clock = clock;
    this.totalBytes = totalBytes;
    this.startBytes = startBytes;
    this.doneBytes = startBytes;
    this.startedMs = clock.monotonicMs();
    this.reportedMs = this.startedMs;
  }

  /** So many bytes have been transferred in all. Returns what to tell, if it is time to. */
  reached(doneBytes: number): string | null {
    this.doneBytes = Math.max(this.doneBytes, doneBytes);
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.reportedMs < reportIntervalMs) {
      return null;
    }
    this.reportedMs = nowMs;
    return this.text();
  }

  /** For people: part, sizes and speed. */
  text(): string {
    const percent = this.totalBytes === 0 ? 100 : Math.floor((100 * this.doneBytes) / this.totalBytes);
    const seconds = Math.max(0.001, (this.clock.monotonicMs() - this.startedMs) / 1000);
    const speed = (this.doneBytes - this.startBytes) / seconds;
    return `${percent} %, ${mebibytes(this.doneBytes)} of ${mebibytes(this.totalBytes)} MiB, ${mebibytes(speed)} MiB/s`;
  }
}

function mebibytes(bytes: number): string {
  return (bytes / (1024 * 1024)).toFixed(1);
}
