import { AssertionError } from 'node:assert';
import { crc32 } from 'node:zlib';
import type { PositionedRecord } from './engine/engine.ts';
import { decodeHeader } from './record.ts';
import type { VersionedMap } from './versioned-map.ts';

/** Which records count. */
export type DigestRange = {
  readonly firstPosition: number;
  /** Records after it do not count; `Infinity` for all. */
  readonly lastPosition: number;
  /** Records of later revisions do not count. */
  readonly throughRevision: number;
};

/**
 * - `unfinished`: more records are to come.
 * - `finished`: all are in.
 * - `outdated`: the store was compacted or replaced since the beginning; start anew.
 */
export type DigestProgress = 'unfinished' | 'finished' | 'outdated';

/** What of a store a digest needs. */
export type DigestSource = {
  readonly map: VersionedMap;
  readonly readFrom: (position: number, maxRecords: number) => readonly PositionedRecord[];
  /** Whether the store still is the one that the digest was begun on. */
  readonly isCurrent: () => boolean;
};

/**
 * A CRC-32 over the needed records of a range, computed a few at a time while the store goes on.
 *
 * Records are never changed, and which of them a store needs follows from its compacted revision alone. So all
 * members have the same checksum for the same range at the same compacted revision, whatever their engine, and
 * however far each of them has applied the log beyond the range. Every record is read from the engine, not from
 * memory: what the disk has changed is found.
 */
export class RecordDigest {
  /** The compacted revision that the checksum is for. */
  readonly compactedRevision: number;
  private readonly source: DigestSource;
  private readonly range: DigestRange;
  private checksum = 0;
  private recordCount = 0;
  private position: number;
  private isFinished = false;

  constructor(source: DigestSource, range: DigestRange) {
    this.source = source;
    this.range = range;
    this.position = range.firstPosition;
    this.compactedRevision = source.map.compactedRevision;
  }

  get crc(): number {
    return this.checksum;
  }

  /** How many records are in it. */
  get records(): number {
    return this.recordCount;
  }

  /** All records of the range before this position are in it. */
  get nextPosition(): number {
    return this.position;
  }

  /** Takes in at most `maxRecords` more. Throws an EngineError. */
  step(maxRecords: number): DigestProgress {
    if (this.isFinished) return 'finished';
    const { map, readFrom, isCurrent } = this.source;
    if (!isCurrent() || map.compactedRevision !== this.compactedRevision) return 'outdated';
    const records = readFrom(this.position, maxRecords);
    for (const record of records) {
      if (record.position > this.range.lastPosition) break;
      const need = this.needOf(record);
      if (need === 'later') break;
      this.position = record.position + 1;
      if (need === 'needed') this.add(record);
    }
    const last = records.at(-1);
    this.isFinished = records.length < maxRecords || (last !== undefined && last.position >= this.position);
    return this.isFinished ? 'finished' : 'unfinished';
  }

  private needOf({ header }: PositionedRecord): 'needed' | 'not-needed' | 'later' {
    const { map } = this.source;
    try {
      const { key, modRevision } = decodeHeader(header);
      if (modRevision > this.range.throughRevision) return 'later';
      return map.index.get(key)?.isNeeded(modRevision, this.compactedRevision) === true
        ? 'needed'
        : 'not-needed';
    } catch (error) {
      // What cannot be read was never written so: it counts, and makes the checksum differ.
      if (error instanceof AssertionError) return 'needed';
      throw error;
    }
  }

  private add({ position, header, value }: PositionedRecord): void {
    this.checksum = crc32(value, crc32(header, crc32(`${position},${header.length};`, this.checksum)));
    this.recordCount += 1;
  }
}
