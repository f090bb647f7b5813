const WIDTH = 30;
const REDRAW_EVERY_MS = 200;
const LINE_EVERY_MS = 30_000;

/** One line that is drawn over and over on a terminal; anywhere else a line now and then. */
export class ProgressBar {
  private readonly stream: NodeJS.WriteStream;
  private readonly portionDone: () => number;
  private lastDrawnMs = 0;
  private isDrawn = false;

  /** `portionDone` is between 0 and 1. */
  constructor(stream: NodeJS.WriteStream, portionDone: () => number) {
    this.stream = stream;
    this.portionDone = portionDone;
  }

  /** `texts` say how things stand. Draws only now and then, so it may be called often. */
  update(texts: readonly string[], elapsedMs: number): void {
    if (elapsedMs - this.lastDrawnMs < (this.stream.isTTY ? REDRAW_EVERY_MS : LINE_EVERY_MS)) {
      return;
    }
    this.lastDrawnMs = elapsedMs;
    const filled = Math.round(Math.min(1, this.portionDone()) * WIDTH);
    const bar = `${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}`;
    if (this.stream.isTTY) {
      this.isDrawn = true;
      this.stream.write(`\r[${bar}] ${texts.join(', ')} `);
    } else {
      this.stream.write(`${texts.join(', ')}\n`);
    }
  }

  /** Wipes the line. */
  clear(): void {
    if (this.isDrawn) {
      this.stream.write('\r\u001b[2K');
    }
  }
}
