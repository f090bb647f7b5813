import type { Output } from '../context.ts';

const barColumns = 30;
const redrawMs = 100;

/** One line on a terminal that says how far something has got. On anything else it says nothing. */
export class ProgressLine {
  private readonly output: Output;
  private lastDrawnMs = Number.NEGATIVE_INFINITY;
  private isDrawn = false;

  constructor(output: Output) {
    this.output = output;
  }

  /** `portion` is from 0 to 1. Draws now and then only, so it may be called often. */
  update(portion: number, text: string): void {
    const nowMs = performance.now();
    if (this.output.isTTY !== true || nowMs - this.lastDrawnMs < redrawMs) return;
    this.lastDrawnMs = nowMs;
    this.isDrawn = true;
    const filled = Math.round(Math.max(0, Math.min(1, portion)) * barColumns);
    this.output.write(`\r[${'#'.repeat(filled)}${'-'.repeat(barColumns - filled)}] ${text} `);
  }

  /** Wipes the line. */
  clear(): void {
    if (!this.isDrawn) return;
    this.isDrawn = false;
    this.output.write('\r\u001b[2K');
  }
}
