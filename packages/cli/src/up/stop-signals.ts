const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Ctrl-C may come twice: from the terminal, and passed on by a parent such as npm. */
const echoMs = 500;

/** Turns the signals that ask a process to stop into promises, instead of its sudden end. */
export class StopSignals implements Disposable {
  /** Resolves at the first such signal. */
  readonly first: Promise<void>;
  /** Resolves at the second. */
  readonly second: Promise<void>;
  readonly #resolveFirst: () => void;
  readonly #resolveSecond: () => void;
  readonly #listener = (): void => this.#stop();
  #firstMs = Number.POSITIVE_INFINITY;

  constructor() {
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    this.first = first.promise;
    this.second = second.promise;
    this.#resolveFirst = first.resolve;
    this.#resolveSecond = second.resolve;
    for (const signal of signals) process.on(signal, this.#listener);
  }

  #stop(): void {
    const nowMs = performance.now();
    if (nowMs - this.#firstMs > echoMs) this.#resolveSecond();
    this.#firstMs = Math.min(this.#firstMs, nowMs);
    this.#resolveFirst();
  }

  /** From now on SIGINT and SIGHUP mean nothing: they come to all processes of a terminal, and one of them acts on it. */
  leaveTerminalToSupervisor(): void {
    for (const signal of ['SIGINT', 'SIGHUP'] as const) {
      process.off(signal, this.#listener);
      process.on(signal, ignore);
    }
  }

  [Symbol.dispose](): void {
    for (const signal of signals) {
      process.off(signal, this.#listener);
      process.off(signal, ignore);
    }
  }
}

function ignore(): void {
  // Nothing to do: that is the point.
}
