import assert from 'node:assert/strict';
import type { Entry, LogIndex, Term } from '@quorate/raft';
import type { EntryMap, EntryPlace, TermRun } from './entry-map.ts';
import type { File, FileSystem } from './file-system.ts';
import {
  decodeEntry,
  ENTRY_PREFIX_BYTES,
  entryIndex,
  entryTerm,
  isEntry,
  type RecordView,
} from './record.ts';
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
    // Places and terms are looked up now: what is appended or overwritten while reading must not be seen.
    const terms = this.#entries.runsOf(first, last);
    const wanted: Wanted = { next: first, last, terms, run: 0, maxBytes, bytes: 0, entries: [] };
    const reading = this.#readPlaces(this.#places(first, last), wanted);
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

  async #readPlaces(places: readonly EntryPlace[], wanted: Wanted): Promise<readonly Entry[]> {
    for (const place of places) {
      if (wanted.next > wanted.last || (wanted.entries.length > 0 && wanted.bytes >= wanted.maxBytes)) break;
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
  /** The terms of all that is wanted, and the place of that of `next` among them. */
  readonly terms: readonly TermRun[];
  run: number;
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
    (record) => takeEntry(record, path, wanted, last),
  );
  if (scan.reason !== 'stopped') {
    throw damaged(path, scan.offset, `there is no intact record, and entry ${wanted.next} must follow`);
  }
}

/**
 * Takes what is wanted; false when nothing more is. An intact record may be another one than that which lies there: a
 * disk may read elsewhere, where there is a later entry, or one that was overwritten.
 */
function takeEntry(record: RecordView, path: string, wanted: Wanted, last: number): boolean {
  if (!isEntry(record.type) || entryIndex(record) < wanted.next) return true;
  const index = entryIndex(record);
  const term = entryTerm(record);
  const expected = termOfNext(wanted);
  if (index !== wanted.next || term !== expected) {
    const must = `entry ${wanted.next} of term ${expected} must follow`;
    throw damaged(path, record.offset, `it holds entry ${index} of term ${term}, and ${must}`);
  }
  wanted.entries.push(decodeEntry(record));
  wanted.next += 1;
  wanted.bytes += record.payloadBytes - ENTRY_PREFIX_BYTES;
  return wanted.next <= last && wanted.bytes < wanted.maxBytes;
}

function termOfNext(wanted: Wanted): Term | undefined {
  const { terms, next } = wanted;
  while ((terms[wanted.run + 1]?.firstIndex ?? next + 1) <= next) wanted.run += 1;
  return terms[wanted.run]?.term;
}
