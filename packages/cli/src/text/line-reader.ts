import { createInterface, type Interface } from 'node:readline';
import type { Input, Output } from '../context.ts';

export type LineReaderOptions = {
  readonly input: Input;
  /** Where prompts go; only a terminal sees them. */
  readonly output: Output;
  /** What was typed before, newest first. */
  readonly history?: readonly string[];
  /** Completes the line up to the cursor: the candidates, and the part that they replace. */
  readonly complete?: (line: string) => [string[], string];
};

/** Reads lines one by one as they are asked for, from a person at a terminal or from a pipe. */
export class LineReader {
  readonly #interface: Interface;
  readonly #isTerminal: boolean;
  readonly #lines: string[] = [];
  #waiter: ((line: string | null) => void) | null = null;
  #ended = false;

  constructor({ input, output, history = [], complete }: LineReaderOptions) {
    this.#isTerminal = input.isTTY === true;
    this.#interface = createInterface({
      input,
      ...(this.#isTerminal ? { output } : {}),
      terminal: this.#isTerminal,
      history: [...history],
      historySize: 1_000,
      removeHistoryDuplicates: true,
      crlfDelay: Number.POSITIVE_INFINITY,
      ...(complete === undefined ? {} : { completer: complete }),
    });
    this.#interface.on('line', (line) => this.#take(line));
    this.#interface.on('close', () => {
      this.#ended = true;
      this.#waiter?.(null);
      this.#waiter = null;
    });
  }

  /** The next line, or null when there are no more. Called again only after it has resolved. */
  ask(prompt: string): Promise<string | null> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#ended) return Promise.resolve(null);
    const next = new Promise<string | null>((resolve) => {
      this.#waiter = resolve;
    });
    if (this.#isTerminal) {
      this.#interface.setPrompt(prompt);
      this.#interface.prompt();
    } else {
      this.#interface.resume();
    }
    return next;
  }

  /** Called at each Ctrl-C. Until then Ctrl-C ends the process, as everywhere. */
  onInterrupt(callback: () => void): void {
    this.#interface.on('SIGINT', callback);
  }

  /** Drops what was typed so far and asks anew. */
  discardLine(): void {
    this.#interface.write(null, { ctrl: true, name: 'u' });
    this.#interface.prompt();
  }

  close(): void {
    this.#interface.close();
  }

  #take(line: string): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter !== null) waiter(line);
    else this.#lines.push(line);
    // A pipe is read on only when the next line is asked for: what is read ahead stays little.
    if (!this.#isTerminal) this.#interface.pause();
  }
}
