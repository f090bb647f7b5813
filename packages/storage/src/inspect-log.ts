import type { Entry, LogIndex, SnapshotDescription, Term } from '@quorate/raft';
import type { FileSystem } from './file-system.ts';
import { LogImage } from './log-image.ts';
import { decodeRecord, type LogRecord, type RecordView, recordBytes } from './record.ts';
import { listSegments, type OpenSegment, openSegment } from './recovery.ts';
import { SEGMENT_HEADER_BYTES, type SegmentHeader, segmentName } from './segment.ts';
import { examineRemains, scanRecords } from './segment-reader.ts';
import { StorageError } from './storage-error.ts';

/** One line about a log: a record, the start of a segment, or something that is not as it should be. */
export type LogLine = {
  readonly file: string;
  /** In bytes from the start of the file. */
  readonly offset: number;
  /** How many bytes the line is about; 0 if that is unknown. */
  readonly bytes: number;
  /**
   * - `segment`: the header of a segment's file.
   * - `damage`: why a member would refuse to start, and what is skipped.
   * - `torn-tail`: what a start would cut off, or a write that is under way.
   * - else the type of the record.
   */
  readonly type: Exclude<LogRecord['type'], 'entry'> | Entry['kind'] | 'segment' | 'damage' | 'torn-tail';
  /** Of an entry, or the index that a commit, truncation, snapshot or checkpoint is about. */
  readonly index: LogIndex | null;
  readonly term: Term | null;
  /** The rest, for people. */
  readonly summary: string;
  /** The entry, if it is one: the caller may know how to read its data. */
  readonly entry: Entry | null;
};

export type InspectLogOptions = {
  readonly fileSystem: FileSystem;
  /** The directory with the segments. */
  readonly directory: string;
};

/** How many lines are kept at a time. */
const LINES_MAX = 1024;

/**
 * Reads a log record by record, oldest first, and goes on behind damage where it finds another intact record.
 * Takes no lock and modifies nothing: it may be used on the log of a running member, whose newest write it
 * then may see half. Rejects only if the disk fails or the directory cannot be listed.
 */
export async function* inspectLog(options: InspectLogOptions): AsyncGenerator<LogLine, void, undefined> {
  const { fileSystem, directory } = options;
  const { sequences } = await listSegments(fileSystem, directory);
  const image = new CheckedImage();
  for (const [at, sequence] of sequences.entries()) {
    const next = sequences[at + 1] ?? null;
    const opened = await openOrDamage(fileSystem, directory, sequence);
    if (opened instanceof StorageError) {
      yield damageLine(`${directory}/${segmentName(sequence)}`, opened.offset ?? 0, 0, opened.reason);
      image.skip();
    } else {
      try {
        yield segmentLine(opened.path, opened.header);
        yield* inspectSegment(opened, await endOfRecords(options, sequence, next), image);
      } finally {
        await opened.file.close();
      }
    }
    if (next !== null && next !== sequence + 1) {
      const missing = `${directory}/${segmentName(sequence + 1)}`;
      yield damageLine(
        missing,
        0,
        0,
        `the file is missing; the next one that exists is ${segmentName(next)}`,
      );
      image.skip();
    }
  }
}

/** Where the next segment says that this one's records end; null if this is the last or that is unreadable. */
async function endOfRecords(
  { fileSystem, directory }: InspectLogOptions,
  sequence: number,
  next: number | null,
): Promise<number | null> {
  if (next !== sequence + 1) return null;
  const opened = await openOrDamage(fileSystem, directory, next);
  if (opened instanceof StorageError) return null;
  await opened.file.close();
  return opened.header.previousEnd;
}

async function openOrDamage(
  fileSystem: FileSystem,
  directory: string,
  sequence: number,
): Promise<OpenSegment | StorageError> {
  try {
    return await openSegment(fileSystem, directory, sequence);
  } catch (error) {
    if (error instanceof StorageError && (error.code === 'damaged' || error.code === 'newer-format')) {
      return error;
    }
    throw error;
  }
}

async function* inspectSegment(
  opened: OpenSegment,
  end: number | null,
  image: CheckedImage,
): AsyncGenerator<LogLine, void, undefined> {
  const { file, path, header } = opened;
  const to = header.capacity;
  let from = SEGMENT_HEADER_BYTES;
  for (;;) {
    const range = { file, path, salt: header.salt, from, to };
    const lines: LogLine[] = [];
    const scan = await scanRecords(range, (record) => {
      lines.push(...image.describe(record, header.sequence, path));
      return lines.at(-1)?.type !== 'seal' && lines.length < LINES_MAX;
    });
    yield* lines;
    from = scan.offset;
    if (scan.reason === 'end' || lines.at(-1)?.type === 'seal') return;
    if (scan.reason === 'stopped') continue;

    const behindDamage = end !== null && from < end;
    const remains = await examineRemains({ ...range, from }, behindDamage ? -1 : from);
    if (remains.laterRecord === null) {
      const bytes = remains.dirtyEnd - from;
      if (behindDamage)
        yield damageLine(
          path,
          from,
          end - from,
          `records go on up to ${end}; none of these bytes is an intact one`,
        );
      else if (bytes > 0) yield tornTailLine(path, from, bytes);
      return;
    }
    const skipped = remains.laterRecord - from;
    yield damageLine(path, from, skipped, `${skipped} bytes that were durable are no intact record`);
    image.skip();
    from = remains.laterRecord;
  }
}

/** Describes records, and says where one cannot follow those before it, until something was skipped. */
class CheckedImage {
  readonly #image = new LogImage();
  #isComplete = true;

  /** Records are missing from here on: it cannot be said any more what fits and what does not. */
  skip(): void {
    this.#isComplete = false;
  }

  describe(record: RecordView, segment: number, path: string): readonly LogLine[] {
    const bytes = recordBytes(record.payloadBytes);
    const lines: LogLine[] = [];
    try {
      lines.push({ file: path, offset: record.offset, bytes, ...describeRecord(decodeRecord(record)) });
      if (this.#isComplete) this.#image.apply(record, segment, path);
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof StorageError)) throw error;
      this.skip();
      const reason = error instanceof StorageError ? error.reason : error.message;
      lines.unshift(damageLine(path, record.offset, bytes, reason));
    }
    return lines;
  }
}

type Description = Pick<LogLine, 'type' | 'index' | 'term' | 'summary' | 'entry'>;

function describeRecord(record: LogRecord): Description {
  switch (record.type) {
    case 'entry': {
      const { entry } = record;
      return { type: entry.kind, index: entry.index, term: entry.term, summary: describeEntry(entry), entry };
    }
    case 'checkpoint':
      return {
        type: 'checkpoint',
        index: record.lastIndex,
        term: record.term,
        summary: `vote ${describeId(record.vote)}, commit ${record.commit}, removed through ${record.removedThrough}, ${describeSnapshot(record.snapshot)}`,
        entry: null,
      };
    case 'vote':
      return {
        type: 'vote',
        index: null,
        term: record.term,
        summary: `vote ${describeId(record.vote)}`,
        entry: null,
      };
    case 'commit':
      return { type: 'commit', index: record.index, term: null, summary: '', entry: null };
    case 'truncate':
      return {
        type: 'truncate',
        index: record.from,
        term: null,
        summary: 'this entry and all after it are replaced',
        entry: null,
      };
    case 'snapshot':
      return {
        type: 'snapshot',
        index: record.snapshot.index,
        term: record.snapshot.term,
        summary: `${record.reset ? 'replaces the log' : `removed through ${record.removedThrough}`}, ${describeSnapshot(record.snapshot)}`,
        entry: null,
      };
    case 'seal':
      return { type: 'seal', index: null, term: null, summary: 'the segment ends', entry: null };
    default:
      return record satisfies never;
  }
}

function describeEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'no-op':
      return '';
    case 'command':
      return `${entry.data.length} bytes`;
    case 'configuration': {
      const { voters, outgoingVoters, learners } = entry.configuration;
      const lists = [`voters ${voters.map(describeId).join(' ')}`];
      if (outgoingVoters.length > 0) lists.push(`outgoing ${outgoingVoters.map(describeId).join(' ')}`);
      if (learners.length > 0) lists.push(`learners ${learners.map(describeId).join(' ')}`);
      return lists.join(', ');
    }
    default:
      return entry satisfies never;
  }
}

function describeSnapshot(snapshot: SnapshotDescription | null): string {
  return snapshot === null ? 'no snapshot' : `snapshot at ${snapshot.index} of term ${snapshot.term}`;
}

function describeId(id: bigint | null): string {
  return id === null ? 'none' : id.toString(16);
}

function segmentLine(file: string, header: SegmentHeader): LogLine {
  const follows =
    header.previousEnd === 0 ? '' : `, follows offset ${header.previousEnd} of the segment before`;
  const summary = `segment ${header.sequence}, ${header.capacity} bytes${follows}`;
  return {
    file,
    offset: 0,
    bytes: SEGMENT_HEADER_BYTES,
    type: 'segment',
    index: null,
    term: null,
    summary,
    entry: null,
  };
}

function damageLine(file: string, offset: number, bytes: number, summary: string): LogLine {
  return { file, offset, bytes, type: 'damage', index: null, term: null, summary, entry: null };
}

function tornTailLine(file: string, offset: number, bytes: number): LogLine {
  const summary = 'a write that was not finished, and never acknowledged';
  return { file, offset, bytes, type: 'torn-tail', index: null, term: null, summary, entry: null };
}
