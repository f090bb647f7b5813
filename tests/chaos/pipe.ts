import type { Socket } from 'node:net';
import type { Conditions } from './network.ts';

/** Data, or how the sender ended: properly, or by a broken connection. */
type Item = { readonly content: Buffer | 'end' | 'reset'; readonly dueMs: number };

/** A sender that is so far ahead must wait, as TCP would make it. */
const queueMaxBytes = 1024 * 1024;

/**
 * Carries what one socket receives to another one, in order, as the conditions of the path allow it. The end of a
 * connection is carried like data: while a path is held, nobody hears of it.
 */
export class Pipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #conditions: () => Conditions;
  readonly #delivered: () => void;
  readonly #queue: Item[] = [];
  #queuedBytes = 0;
  /** When the last byte in the queue may go. */
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #sourceEnded = false;

  constructor(parts: {
    readonly source: Socket;
    readonly sink: Socket;
    readonly conditions: () => Conditions;
    /** Called for each piece of data that was passed on. */
    readonly delivered: () => void;
  }) {
    this.#source = parts.source;
    this.#sink = parts.sink;
    this.#conditions = parts.conditions;
    this.#delivered = parts.delivered;
    this.#source.on('data', (chunk: Buffer) => this.take(chunk));
    this.#source.on('end', () => this.#sourceEnds('end'));
    this.#source.on('close', () => this.#sourceEnds('reset'));
    this.#sink.on('drain', () => this.pump());
    this.#sink.on('close', () => this.#stop());
  }

  /** Takes data that the source has sent. */
  take(chunk: Buffer): void {
    this.#queuedBytes += chunk.length;
    this.#add(chunk, chunk.length);
    if (this.#queuedBytes >= queueMaxBytes) {
      this.#source.pause();
    }
  }

  /** Passes on what may go. To be called when the conditions have changed. */
  pump(): void {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    while (!this.#sink.destroyed && !this.#sink.writableNeedDrain) {
      const [head] = this.#queue;
      if (head === undefined || this.#conditions().isHeld) {
        return;
      }
      const waitMs = head.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs);
        return;
      }
      this.#queue.shift();
      this.#deliver(head.content);
    }
  }

  #sourceEnds(how: 'end' | 'reset'): void {
    if (!this.#sourceEnded) {
      this.#sourceEnded = true;
      this.#add(how, 0);
    }
  }

  #add(content: Item['content'], bytes: number): void {
    const { delayMs, bytesPerSecond } = this.#conditions();
    const startMs = Math.max(performance.now() + delayMs, this.#lastDueMs);
    this.#lastDueMs = startMs + (bytes / bytesPerSecond) * 1000;
    this.#queue.push({ content, dueMs: this.#lastDueMs });
    this.pump();
  }

  #deliver(content: Item['content']): void {
    if (content === 'end') {
      this.#sink.end();
    } else if (content === 'reset') {
      this.#sink.resetAndDestroy();
    } else {
      this.#queuedBytes -= content.length;
      this.#sink.write(content);
      this.#delivered();
      if (this.#queuedBytes < queueMaxBytes) {
        this.#source.resume();
      }
    }
  }

  /** Nobody is there to receive anything. */
  #stop(): void {
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    this.#source.resume();
  }
}
