import type { Configuration, Entry, HardState, LogIndex, MemberId, Term } from '@quorate/raft';
import type { LogWrite } from '../append-rules.ts';
import { WriteAheadLog, type WriteAheadLogOptions } from '../write-ahead-log.ts';
import { MemoryDisk } from './memory-disk.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import { seededRandom } from './seeded-random.ts';

/** Where the logs of these tests are. */
export const LOG_DIRECTORY = '/log';

export function index(value: number): LogIndex {
  return value as LogIndex;
}

export function term(value: number): Term {
  return value as Term;
}

/** A command entry whose data is `size` bytes that depend on its term and index, none of them zero. */
export function command(entryTerm: number, entryIndex: number, size = 20): Entry {
  const data = Uint8Array.from(
    { length: size },
    (_, at) => 1 + ((entryTerm * 31 + entryIndex * 7 + at) % 255),
  );
  return { kind: 'command', term: term(entryTerm), index: index(entryIndex), data };
}

/** Commands of one term from `first` to `last`. */
export function commands(entryTerm: number, first: number, last: number, size = 20): readonly Entry[] {
  return Array.from({ length: last - first + 1 }, (_, at) => command(entryTerm, first + at, size));
}

export function hardState(currentTerm: number, commit = 0, vote: bigint | null = null): HardState {
  return { term: term(currentTerm), vote: vote as MemberId | null, commit: index(commit) };
}

export function entriesWrite(entries: readonly Entry[], state: HardState | null = null): LogWrite {
  return { hardState: state, entries, sync: true };
}

export function configuration(...ids: bigint[]): Configuration {
  const members = ids as MemberId[];
  return {
    voters: members,
    outgoingVoters: [],
    learners: [],
    learnersNext: [],
    addresses: members.map((id) => ({
      id,
      name: `member-${id}`,
      peerUrls: [`http://127.0.0.1:${2000n + id}`],
    })),
  };
}

/** A disk with an empty log directory, and the view of a first process. */
export async function emptyDisk(): Promise<{ disk: MemoryDisk; fileSystem: MemoryFileSystem }> {
  const disk = new MemoryDisk({ random: seededRandom(1) });
  const fileSystem = new MemoryFileSystem(disk);
  await fileSystem.makeDirectory(LOG_DIRECTORY);
  await fileSystem.syncDirectory('/');
  return { disk, fileSystem };
}

/** Opens the log with small segments, as a new process unless the view of one is given. */
export function openLog(
  disk: MemoryDisk,
  options: Partial<WriteAheadLogOptions> = {},
): Promise<WriteAheadLog> {
  return WriteAheadLog.open({
    fileSystem: new MemoryFileSystem(disk),
    directory: LOG_DIRECTORY,
    random: seededRandom(7),
    segmentMaxBytes: 4096,
    ...options,
  });
}

/** The bytes of every file of a log. */
export type LogFiles = ReadonlyMap<string, Uint8Array>;

export async function readFiles(disk: MemoryDisk): Promise<LogFiles> {
  const names = await new MemoryFileSystem(disk).list(LOG_DIRECTORY);
  return new Map([...names].sort().map((name) => [name, disk.peek(`${LOG_DIRECTORY}/${name}`)]));
}

/** A disk with exactly these files in the log directory, all durable. */
export async function diskWithFiles(files: LogFiles): Promise<MemoryDisk> {
  const { disk, fileSystem } = await emptyDisk();
  for (const [name, bytes] of files) {
    const file = await fileSystem.open(`${LOG_DIRECTORY}/${name}`, 'create');
    await file.write(bytes, 0);
    await file.sync();
    await file.close();
  }
  await fileSystem.syncDirectory(LOG_DIRECTORY);
  return disk;
}

/** The same files with one of them changed. */
export function withFile(files: LogFiles, name: string, change: (bytes: Uint8Array) => void): LogFiles {
  const bytes = files.get(name)?.slice();
  if (bytes === undefined) throw new RangeError(`there is no file ${name}`);
  change(bytes);
  return new Map([...files, [name, bytes]]);
}
