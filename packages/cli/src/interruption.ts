import type { Context } from './context.ts';
import { StopSignals } from './up/stop-signals.ts';

/** Until when a command goes on that goes on until it is told to end: Ctrl-C in the shell, or a signal to the process. */
export class Interruption implements Disposable {
  readonly signal: AbortSignal;
  readonly #signals: StopSignals | null;

  constructor({ signal }: Context) {
    if (signal !== undefined) {
      this.signal = signal;
      this.#signals = null;
      return;
    }
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#signals = new StopSignals();
    void this.#signals.first.then(() => controller.abort());
  }

  [Symbol.dispose](): void {
    this.#signals?.[Symbol.dispose]();
  }
}
