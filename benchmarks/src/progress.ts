import type { WriteStream } from 'node:tty';

/** A line on the terminal that is written over; nothing if the output is not a terminal. */
export class Progress {
  readonly #stream: WriteStream;

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (this.#stream.isTTY) {
      this.#stream.write(`\r\u001b[2K${text.slice(0, this.#stream.columns - 1)}`);
    }
  }

  clear(): void {
    if (this.#stream.isTTY) {
      this.#stream.write('\r\u001b[2K');
    }
  }
}
