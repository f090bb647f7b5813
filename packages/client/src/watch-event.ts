import { type Event, Event_EventType as EventType } from '@quorate/protocol';
import { KeyValue } from './key-value.ts';

/** One change of one key. */
export class WatchEvent {
  readonly type: 'put' | 'delete';
  /** After a put the new state. After a deletion the key and, as `modRevision`, the deletion's revision. */
  readonly entry: KeyValue;
  /** The state before, if `previous` asked for it, there was one, and it is not compacted; else null. */
  readonly previous: KeyValue | null;

  constructor(wire: Event) {
    this.type = wire.type === EventType.DELETE ? 'delete' : 'put';
    this.entry = new KeyValue(wire.kv ?? emptyKeyValue);
    this.previous = wire.prevKv === undefined ? null : new KeyValue(wire.prevKv);
  }

  get key(): Uint8Array {
    return this.entry.key;
  }

  /** The revision that made the change. Others of the same revision were made with it. */
  get revision(): number {
    return this.entry.modRevision;
  }

  /** The put brought the key into being. */
  get isCreation(): boolean {
    return this.type === 'put' && this.entry.createRevision === this.entry.modRevision;
  }

  /** The key as text. */
  keyText(): string {
    return this.entry.keyText();
  }

  /** The new value as text; empty after a deletion. */
  text(): string {
    return this.entry.text();
  }
}

/**
 * All that a watch has to tell about one revision. Without events it is a sign of progress: everything up to the
 * revision has been told.
 */
export type WatchBatch = {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
};

/** A response's events by their revisions, in order. */
export function toBatches(events: readonly Event[]): WatchBatch[] {
  const batches: { revision: number; events: WatchEvent[] }[] = [];
  for (const event of events.map((wire) => new WatchEvent(wire))) {
    const last = batches.at(-1);
    if (last?.revision === event.revision) last.events.push(event);
    else batches.push({ revision: event.revision, events: [event] });
  }
  return batches;
}

const noBytes = new Uint8Array(0);
const emptyKeyValue = {
  key: noBytes,
  value: noBytes,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: 0n,
};
