import assert from 'node:assert/strict';
import type { Entry, LogIndex } from '@quorate/raft';
import type { EntryMap, EntryPlace } from './entry-map.ts';
import type { File, FileSystem } from './file-system.ts';
import { decodeEntry, ENTRY_PREFIX_BYTES, entryIndex, isEntry, type RecordView } from './record.ts';
import { readSegmentHeader, segmentName } from './segment.ts';
import { scanRecords } from './segment-reader.ts';
import { damaged, StorageError, toStorageError } from './storage-error.ts';

/** Bytes read around what was asked for: about what lies between two entries whose place is known. */
const MARGIN_BYTES = 64 * 1024;
const CHUNK_MAX_BYTES = 1024 * 1024;

/** Reads entries that are in the log, while it goes on growing. */
export class EntryReader {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #entries: EntryMap;
  readonly #running = new Set<Promise<readonly Entry[]>>();

  constructor(fileSystem: FileSystem, directory: string, entries: EntryMap) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#entries = entries;
  }

  /** See `WriteAheadLog.read`. */
  async read(first: LogIndex, last: LogIndex, maxBytes: number): Promise<readonly Entry[]> {
    const { firstIndex, lastIndex } = this.#entries;
    assert(first <= last && last <= lastIndex, `entries ${first} to ${last} of a log up to ${lastIndex}`);
    if (first < firstIndex) {
      throw new StorageError('removed', `entry ${first} has left the log, which starts at ${firstIndex}`);
    }
    // Every place is looked up now: what is appended or overwritten while reading must not be seen.
    const reading = this.#readPlaces(this.#places(first, last), first, last, maxBytes);
    this.#running.add(reading);
    try {
      return await reading;
    } finally {
      this.#running.delete(reading);
    }
  }

  /** The newest entries, up to about `maxBytes`. */
  async readNewest(maxBytes: number): Promise<readonly Entry[]> {
    const first = this.#entries.firstWithin(maxBytes);
    const { lastIndex } = this.#entries;
    return first > lastIndex ? [] : this.read(first, lastIndex, Number.POSITIVE_INFINITY);
  }

  /** Waits until the reads that run now have ended, well or not: segments that only they use can go then. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  #places(first: LogIndex, last: LogIndex): readonly EntryPlace[] {
    const places: EntryPlace[] = [];
    for (let index = first; index <= last; ) {
      const place = this.#entries.place(index);
      places.push(place);
      index = (place.lastIndex + 1) as LogIndex;
    }
    return places;
  }

  async #readPlaces(
    places: readonly EntryPlace[],
    first: LogIndex,
    last: LogIndex,
    maxBytes: number,
  ): Promise<readonly Entry[]> {
    const wanted: Wanted = { next: first, last, maxBytes, bytes: 0, entries: [] };
    for (const place of places) {
      if (wanted.next > last || (wanted.entries.length > 0 && wanted.bytes >= maxBytes)) break;
      const path = `${this.#directory}/${segmentName(place.segment)}`;
      const file = await this.#fileSystem.open(path, 'read').catch((error: unknown) => {
        throw toStorageError(error, 'opening', path);
      });
      try {
        await readPlace(file, path, place, wanted);
      } finally {
        await file.close();
      }
    }
    return wanted.entries;
  }
}

type Wanted = {
  next: number;
  readonly last: number;
  readonly maxBytes: number;
  bytes: number;
  readonly entries: Entry[];
};

async function readPlace(file: File, path: string, place: EntryPlace, wanted: Wanted): Promise<void> {
  const header = await readSegmentHeader(file, path);
  const last = Math.min(wanted.last, place.lastIndex);
  const scan = await scanRecords(
    {
      file,
      path,
      salt: header.salt,
      from: place.offset,
      to: header.capacity,
      chunkBytes: Math.min(CHUNK_MAX_BYTES, wanted.maxBytes + MARGIN_BYTES),
    },
    (record) => takeEntry(record, wanted, last),
  );
  if (scan.reason !== 'stopped') {
    throw damaged(path, scan.offset, `there is no intact record, and entry ${wanted.next} must follow`);
  }
}

/** Takes what is wanted; false when nothing more is. */
function takeEntry(record: RecordView, wanted: Wanted, last: number): boolean {
  if (!isEntry(record.type) || entryIndex(record) < wanted.next) return true;
  assert.equal(entryIndex(record), wanted.next);
  wanted.entries.push(decodeEntry(record));
  wanted.next += 1;
  wanted.bytes += record.payloadBytes - ENTRY_PREFIX_BYTES;
  return wanted.next <= last && wanted.bytes < wanted.maxBytes;
}
