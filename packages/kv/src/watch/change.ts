import { type Event, Event_EventType as EventType, type KeyValue } from '@quorate/protocol';
import { type Key, toBytes } from '../key-range.ts';
import type { RecordHeader } from '../record.ts';

/** Finds the state of a key before the change that was made at a revision; null if there is none to be had. */
export type FindPrevious = (key: Key, revision: number) => KeyValue | null;

const noBytes = new Uint8Array(0);

/**
 * One change of one key. The events that tell of it are made once, and shared by all watchers that are told the
 * same; nobody changes them.
 */
export class Change {
  readonly key: Key;
  readonly revision: number;
  readonly isDeletion: boolean;
  private readonly plain: Event;
  private readonly findPrevious: FindPrevious;
  private full: Event | null = null;

  constructor(header: RecordHeader, value: Uint8Array, findPrevious: FindPrevious) {
    const { key, modRevision, createRevision, version, lease } = header;
    this.key = key;
    this.revision = modRevision;
    this.isDeletion = version === 0;
    this.findPrevious = findPrevious;
    this.plain = {
      type: this.isDeletion ? EventType.DELETE : EventType.PUT,
      kv: {
        key: toBytes(key),
        createRevision,
        modRevision,
        version,
        value: this.isDeletion ? noBytes : value,
        lease,
      },
      prevKv: undefined,
    };
  }

  /** Of key and value. */
  get bytes(): number {
    return this.key.length + (this.plain.kv?.value.length ?? 0);
  }

  /** Puts that bring a key into being have no previous state to show. */
  get isCreation(): boolean {
    return !this.isDeletion && this.plain.kv?.createRevision === this.revision;
  }

  /** The event, with the key's previous state if that is wanted and can still be read. */
  event(withPrevious: boolean): Event {
    if (!withPrevious || this.isCreation) return this.plain;
    if (this.full === null) {
      const previous = this.findPrevious(this.key, this.revision);
      this.full = previous === null ? this.plain : { ...this.plain, prevKv: previous };
    }
    return this.full;
  }
}
