import { ApiError } from '../api/api-error.ts';

const quote = 0x22;
const backslash = 0x5c;
const opening = new Set([0x7b, 0x5b]);
const closing = new Set([0x7d, 0x5d]);
const space = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Takes JSON objects out of a stream of bytes in which they follow each other, with white space between them or
 * none. Only finds where they end: what they are worth is the parser's to say.
 */
export class JsonSplitter {
  private readonly maxBytes: number;
  private held: Buffer = Buffer.alloc(0);
  /** How much of `held` has been looked at. */
  private seen = 0;
  private depth = 0;
  private isInString = false;
  private isEscaped = false;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** What was added and not taken, in bytes. */
  get heldBytes(): number {
    return this.held.length;
  }

  add(chunk: Buffer): void {
    this.held = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk]);
  }

  /** The next object if all of it is there, else null. Throws an ApiError if it is too large, or no object. */
  take(): string | null {
    for (; this.seen < this.held.length; this.seen += 1) {
      if (this.endsWith(this.held[this.seen] ?? 0)) {
        const end = this.seen + 1;
        if (end > this.maxBytes) throw this.tooLarge();
        const text = this.held.toString('utf8', 0, end);
        this.held = this.held.subarray(end);
        this.seen = 0;
        return text;
      }
    }
    if (this.held.length > this.maxBytes) throw this.tooLarge();
    return null;
  }

  /** Throws an ApiError if the bytes end in the middle of an object. */
  finish(): void {
    if (this.held.toString('utf8').trim() !== '') {
      throw new ApiError('invalid-argument', 'the requests end in the middle of a JSON object', 'none');
    }
  }

  private tooLarge(): ApiError {
    return new ApiError('resource-exhausted', `a request is larger than ${this.maxBytes} bytes`, 'none');
  }

  /** Whether an object ends with this byte. */
  private endsWith(byte: number): boolean {
    if (this.isInString) {
      this.isInString = this.isEscaped || byte !== quote;
      this.isEscaped = !this.isEscaped && byte === backslash;
      return false;
    }
    if (this.depth === 0 && !opening.has(byte) && !space.has(byte)) {
      throw new ApiError('invalid-argument', 'each request should be a JSON object', 'none');
    }
    if (byte === quote) this.isInString = true;
    else if (opening.has(byte)) this.depth += 1;
    else if (closing.has(byte)) this.depth -= 1;
    return this.depth === 0 && closing.has(byte);
  }
}
