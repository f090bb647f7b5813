import type { KeyValue as WireKeyValue } from '@quorate/protocol';
import { decodeText } from './bytes.ts';

/** One key as it was at one revision. */
export class KeyValue {
  /** Never empty. A view into the received answer: copy it if you keep it for long. */
  readonly key: Uint8Array;
  /** Empty if the read asked for keys only. A view, as `key`. */
  readonly value: Uint8Array;
  /** The revision that created the key (since it was last deleted). */
  readonly createRevision: number;
  /** The revision of the last change. */
  readonly modRevision: number;
  /** Changes since the creation; 1 is the creation itself. */
  readonly version: number;
  /** The lease that the key is attached to, or 0n. */
  readonly lease: bigint;

  constructor(wire: WireKeyValue) {
    this.key = wire.key;
    this.value = wire.value;
    this.createRevision = wire.createRevision;
    this.modRevision = wire.modRevision;
    this.version = wire.version;
    this.lease = wire.lease;
  }

  /** The key as text (UTF-8; what is not valid becomes U+FFFD). */
  keyText(): string {
    return decodeText(this.key);
  }

  /** The value as text (UTF-8; what is not valid becomes U+FFFD). */
  text(): string {
    return decodeText(this.value);
  }

  /** The value parsed as JSON. Throws a SyntaxError if it is not. */
  json(): unknown {
    return JSON.parse(this.text());
  }
}
