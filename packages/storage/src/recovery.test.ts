import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LogWrite } from './append-rules.ts';
import { inspectLog, type LogLine } from './inspect-log.ts';
import { parseSegmentName, SEGMENT_HEADER_BYTES, segmentName } from './segment.ts';
import { StorageError } from './storage-error.ts';
import {
  command,
  commands,
  configuration,
  diskWithFiles,
  emptyDisk,
  entriesWrite,
  hardState,
  index,
  LOG_DIRECTORY,
  type LogFiles,
  openLog,
  readFiles,
  term,
  withFile,
} from './testing/log-fixture.ts';
import { appendStates, assertRecovered, emptyModel, type LogModel } from './testing/log-model.ts';
import type { MemoryDisk } from './testing/memory-disk.ts';
import { MemoryFileSystem } from './testing/memory-file-system.ts';
import {
  type Misreading,
  MisreadingFileSystem,
  shiftedBy,
  zerosFrom,
} from './testing/misreading-file-system.ts';
import type { WriteAheadLog } from './write-ahead-log.ts';

const FIRST = segmentName(1);

/** The files of a log after some batches, and where the last of them was written. */
type Story = {
  readonly after: LogFiles;
  readonly lastBatchStart: number;
  readonly lastBatchEnd: number;
  /** The states before the last batch, while it is written, and after it. */
  readonly states: readonly LogModel[];
};

/** Batches small enough for one segment. The last one votes, overwrites, appends and commits. */
const batches: readonly (readonly LogWrite[])[] = [
  [entriesWrite(commands(1, 1, 3), hardState(1, 0, 1n))],
  [
    entriesWrite(
      [{ kind: 'configuration', term: term(2), index: index(4), configuration: configuration(1n, 2n) }],
      hardState(2, 2),
    ),
  ],
  [entriesWrite(commands(2, 5, 7))],
  [
    entriesWrite([], hardState(3, 2, 2n)),
    entriesWrite(
      [{ kind: 'no-op', term: term(3), index: index(6) }, command(3, 7, 100)],
      hardState(3, 6, 2n),
    ),
  ],
];

async function writeStory(): Promise<Story> {
  const { disk } = await emptyDisk();
  const log = await openLog(disk);
  let states: readonly LogModel[] = [emptyModel];
  let before: LogFiles = new Map();
  for (const batch of batches) {
    before = await readFiles(disk);
    states = appendStates(states.at(-1) ?? emptyModel, batch);
    await log.append(batch);
  }
  const after = await readFiles(disk);
  return { after, states, lastBatchStart: await endOfLog(before), lastBatchEnd: await endOfLog(after) };
}

async function inspect(files: LogFiles): Promise<readonly LogLine[]> {
  const fileSystem = new MemoryFileSystem(await diskWithFiles(files));
  const lines: LogLine[] = [];
  for await (const line of inspectLog({ fileSystem, directory: LOG_DIRECTORY })) lines.push(line);
  return lines;
}

/** Where the records of the first segment end. */
async function endOfLog(files: LogFiles): Promise<number> {
  const last = (await inspect(files)).findLast((line) => line.file.endsWith(FIRST)) ?? assert.fail();
  return last.offset + last.bytes;
}

/** Opens the log and finds which of the states it recovered; -1 if none. */
async function recoveredState(log: WriteAheadLog, states: readonly LogModel[]): Promise<number> {
  for (const [at, state] of states.entries()) {
    try {
      await assertRecovered(log, state);
      return at;
    } catch (error) {
      if (!(error instanceof assert.AssertionError)) throw error;
    }
  }
  return -1;
}

/** Asserts that the log goes on from a state: that it can be appended to, closed, and opened again. */
async function assertGoesOn(disk: MemoryDisk, log: WriteAheadLog, from: LogModel): Promise<void> {
  const next = from.firstIndex + from.entries.length;
  const batch = [
    entriesWrite([command(9, next)], { ...from.hardState, ...hardState(9, from.hardState.commit) }),
  ];
  await log.append(batch);
  disk.losePower();
  const again = await openLog(disk);
  assert.equal(again.recovered.tornTail, null);
  await assertRecovered(again, appendStates(from, batch).at(-1) ?? from);
  await again.close();
}

async function openDamaged(files: LogFiles): Promise<StorageError> {
  const disk = await diskWithFiles(files);
  try {
    await openLog(disk);
  } catch (error) {
    assert(error instanceof StorageError, String(error));
    assert.deepEqual(await readFiles(disk), files, 'a damaged log was modified');
    return error;
  }
  return assert.fail('the damage was not noticed');
}

describe('a torn tail', () => {
  test('is cut, wherever the write was cut off', async () => {
    const { after, states, lastBatchStart, lastBatchEnd } = await writeStory();
    const isBoundary = new Set((await inspect(after)).map((line) => line.offset));
    const seen = new Set<number>();
    for (let cut = lastBatchStart; cut <= lastBatchEnd; cut += 1) {
      const disk = await diskWithFiles(withFile(after, FIRST, (bytes) => bytes.fill(0, cut)));
      const log = await openLog(disk);
      const state = await recoveredState(log, states);
      assert(state >= 0, `cut at ${cut}: something else appeared`);
      seen.add(state);
      // The last record is a commit index, whose last bytes are zeros: without them it is whole.
      assert.equal(state === states.length - 1, cut >= lastBatchEnd - 11);
      const { tornTail } = log.recovered;
      if (tornTail !== null) {
        assert.equal(tornTail.file, `${LOG_DIRECTORY}/${FIRST}`);
        assert(isBoundary.has(tornTail.offset) && tornTail.offset + tornTail.bytes <= cut);
      }
      await assertGoesOn(disk, log, states[state] ?? emptyModel);
    }
    assert.equal(seen.size, states.length - duplicates(states), 'each state was seen');
  });

  test('is cut, whichever part of the write is missing', async () => {
    const { after, states, lastBatchStart, lastBatchEnd } = await writeStory();
    for (let hole = lastBatchStart; hole < lastBatchEnd; hole += 3) {
      for (const length of [1, 8, 50]) {
        const end = Math.min(hole + length, lastBatchEnd);
        const files = withFile(after, FIRST, (bytes) => bytes.fill(0, hole, end));
        const disk = await diskWithFiles(files);
        const log = await openLog(disk);
        const state = await recoveredState(log, states);
        assert(state >= 0, `hole from ${hole} to ${end}: something else appeared`);
        await assertGoesOn(disk, log, states[state] ?? emptyModel);
      }
    }
  });

  test('never comes to life behind what is written later', async () => {
    // The first entry of a batch is torn, the second is intact. Then an entry of the first one's size is
    // written in its place, so that the intact remains would follow it without a gap.
    const { disk } = await emptyDisk();
    const log = await openLog(disk);
    await log.append([entriesWrite([command(1, 1)], hardState(1))]);
    const before = await readFiles(disk);
    await log.append([entriesWrite([command(1, 2), command(1, 3)])]);
    const after = await readFiles(disk);
    const lastBatchStart = await endOfLog(before);
    const torn = await diskWithFiles(
      withFile(after, FIRST, (bytes) => bytes.fill(0, lastBatchStart, lastBatchStart + 16)),
    );

    const reopened = await openLog(torn);
    assert.equal(reopened.lastIndex, 1);
    assert.equal(reopened.recovered.tornTail?.offset, lastBatchStart);
    await reopened.append([entriesWrite([command(1, 2)])]);
    torn.losePower();

    const last = await openLog(torn);
    assert.equal(last.lastIndex, 2);
    assert.equal(last.recovered.tornTail, null);
  });

  test('is what garbage behind the last record is taken for', async () => {
    const { after, states, lastBatchEnd } = await writeStory();
    const files = withFile(after, FIRST, (bytes) => bytes.fill(0xa5, lastBatchEnd + 100, lastBatchEnd + 117));
    const disk = await diskWithFiles(files);
    const log = await openLog(disk);
    assert.deepEqual(log.recovered.tornTail, {
      file: `${LOG_DIRECTORY}/${FIRST}`,
      offset: lastBatchEnd,
      bytes: 117,
    });
    await assertGoesOn(disk, log, states.at(-1) ?? emptyModel);
  });
});

/** A log of several segments, closed in good order. */
async function writeSegments(): Promise<LogFiles> {
  const { disk } = await emptyDisk();
  const log = await openLog(disk);
  for (let first = 1; first <= 49; first += 4) {
    await log.append([entriesWrite(commands(1, first, first + 3, 200), hardState(1, first))]);
  }
  await log.close();
  const segments = onlySegments(await readFiles(disk));
  assert(segments.size >= 3);
  return segments;
}

function onlySegments(files: LogFiles): LogFiles {
  return new Map([...files].filter(([name]) => parseSegmentName(name) !== null));
}

describe('damage', () => {
  test('to any byte of an earlier write is noticed, and nothing is modified', async () => {
    const { after, lastBatchStart } = await writeStory();
    for (let at = 0; at < lastBatchStart; at += 1) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const error = await openDamaged(
          withFile(after, FIRST, (bytes) => (bytes[at] = (bytes[at] ?? 0) ^ flip)),
        );
        if (at >= 8 && at < 12 && error.code === 'newer-format') continue;
        assert.equal(error.code, 'damaged', `byte ${at}`);
        assert.equal(error.file, `${LOG_DIRECTORY}/${FIRST}`);
        assert(error.offset !== null && error.offset <= at, `byte ${at} was noticed at ${error.offset}`);
        if (at >= SEGMENT_HEADER_BYTES) assert(error.offset >= SEGMENT_HEADER_BYTES);
      }
    }
  });

  test('to any byte of a segment that has a successor is noticed', async () => {
    const files = await writeSegments();
    const [name, bytes] = [...files][1] ?? assert.fail();
    const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
    for (let at = 0; at < used; at += 1) {
      const error = await openDamaged(
        withFile(files, name, (changed) => (changed[at] = (changed[at] ?? 0) ^ 0x10)),
      );
      if (at >= 8 && at < 12 && error.code === 'newer-format') continue;
      assert.equal(error.code, 'damaged', `byte ${at}`);
    }
  });

  test('to the last write before a clean stop is noticed, thanks to the commit index that closing writes', async () => {
    const { disk } = await emptyDisk();
    const log = await openLog(disk);
    await log.append([entriesWrite([command(1, 1, 50)], hardState(1))]);
    const lastBatchEnd = await endOfLog(await readFiles(disk));
    await log.close();
    const files = await readFiles(disk);
    const error = await openDamaged(withFile(files, FIRST, (bytes) => (bytes[lastBatchEnd - 20] = 0)));
    assert.equal(error.code, 'damaged');
  });

  test('is said with the file, the offset, the reason and what to do', async () => {
    const { after } = await writeStory();
    const error = await openDamaged(withFile(after, FIRST, (bytes) => (bytes[60] = 0xff)));
    assert.match(error.message, /^damaged data: \/log\/0000000000000001\.wal at offset 48: /);
    assert.match(error.message, /Nothing was modified\. Keep a copy/);
  });
});

describe('a disk that returns the wrong bytes once', () => {
  /** Opens the log once for each of its reads, which goes wrong. Then it must be what it was. */
  async function assertUnharmed(files: LogFiles, misreading: Misreading, expected: LogModel): Promise<void> {
    for (let at = 1; ; at += 1) {
      const disk = await diskWithFiles(files);
      const fileSystem = new MisreadingFileSystem(disk, at, misreading);
      const opened = await openLog(disk, { fileSystem }).then(
        (log) => log.lastIndex,
        (error: unknown) => {
          assert(error instanceof StorageError, String(error));
          assert(error.code === 'damaged' || error.code === 'disk-failed');
          return null;
        },
      );
      assert(opened === null || opened === expected.entries.length, `misread ${at} changed the log`);
      disk.killProcesses();
      await assertRecovered(await openLog(disk), expected);
      if (!fileSystem.hasMisread) break;
    }
  }

  test('never has an acknowledged write taken for a torn one, or overwritten', async () => {
    const { after, states, lastBatchStart } = await writeStory();
    await assertUnharmed(after, zerosFrom(lastBatchStart), states.at(-1) ?? emptyModel);
  });

  test('never has it overwritten by records from another place', async () => {
    const { disk } = await emptyDisk();
    const log = await openLog(disk);
    let model: LogModel = emptyModel;
    for (let at = 1; at <= 16; at += 1) {
      // Each write has one record of 64 bytes, except for the vote in the first.
      const batch = [entriesWrite([command(1, at, 36)], at === 1 ? hardState(1, 0, 1n) : null)];
      await log.append(batch);
      model = appendStates(model, batch).at(-1) ?? model;
    }
    disk.killProcesses();
    await assertUnharmed(await readFiles(disk), shiftedBy(-512), model);
  });

  test('never hides what shows that a write was durable, or lets a torn one come to life', async () => {
    const { disk } = await emptyDisk();
    const log = await openLog(disk);
    await log.append([entriesWrite([command(1, 1)], hardState(1))]);
    const lastBatchStart = await endOfLog(await readFiles(disk));
    await log.append([entriesWrite([command(1, 2), command(1, 3)])]);
    // The first record of the last write is missing, of which the next one has the same size.
    const torn = withFile(await readFiles(disk), FIRST, (bytes) =>
      bytes.fill(0, lastBatchStart, lastBatchStart + 16),
    );
    const lastRecordEnd = await endOfLog(await readFiles(disk));
    await log.append([entriesWrite([command(1, 4)])]);
    const damaged = withFile(await readFiles(disk), FIRST, (bytes) =>
      bytes.fill(0, lastBatchStart, lastRecordEnd),
    );
    for (const files of [torn, damaged]) {
      for (let at = 1; ; at += 1) {
        const again = await diskWithFiles(files);
        const fileSystem = new MisreadingFileSystem(again, at, zerosFrom(lastBatchStart));
        const opened = await openLog(again, { fileSystem }).catch((error: unknown) => {
          assert(error instanceof StorageError, String(error));
          return error;
        });
        if (opened instanceof StorageError) {
          assert.match(opened.code, /damaged|disk-failed/);
        } else {
          assert.equal(files, torn, `misread ${at} opened a damaged log`);
          await opened.append([entriesWrite([command(2, 2)], hardState(2))]);
          again.killProcesses();
          assert.equal((await openLog(again)).lastIndex, 2, `misread ${at} brought a torn write to life`);
        }
        if (!fileSystem.hasMisread) break;
      }
    }
  });
});

describe('a missing file', () => {
  test('is noticed wherever it is missing, and named', async () => {
    const files = await writeSegments();
    const names = [...files.keys()];
    for (const name of names) {
      const error = await openDamaged(new Map([...files].filter(([kept]) => kept !== name)));
      assert.equal(error.code, 'damaged');
      assert(error.message.includes(name), `${name}: ${error.message}`);
    }
  });

  test('is no damage if an interrupted removal explains it', async () => {
    const { disk } = await emptyDisk();
    const log = await openLog(disk);
    await log.append([entriesWrite(commands(1, 1, 60, 200), hardState(1, 60))]);
    const before = await readFiles(disk);
    await log.removeThrough(index(50), { index: index(55), term: term(1), configuration: configuration(1n) });
    const after = await readFiles(disk);
    const removed = [...before.keys()].filter((name) => !after.has(name));
    assert(removed.length >= 3);
    // A power loss may keep any of the removals and undo the others.
    for (const kept of removed) {
      const files = new Map([...after, [kept, before.get(kept) ?? assert.fail()]]);
      const again = await diskWithFiles(files);
      const reopened = await openLog(again);
      assert.equal(reopened.firstIndex, 51);
      assert.equal((await reopened.read(index(51), index(60), 1e6)).length, 10);
      await reopened.close();
      assert.deepEqual([...onlySegments(await readFiles(again)).keys()], [...onlySegments(after).keys()]);
    }
  });
});

describe('a segment that is not what it should be', () => {
  test('is noticed when it was cut or grew', async () => {
    const files = await writeSegments();
    for (const [name, bytes] of files) {
      const lengths = [0, 20, SEGMENT_HEADER_BYTES, bytes.length - 1, bytes.length + 1];
      for (const length of lengths) {
        const changed = new Uint8Array(length);
        changed.set(bytes.subarray(0, length));
        const error = await openDamaged(new Map([...files, [name, changed]]));
        assert.equal(error.code, 'damaged');
        assert.equal(error.file, `${LOG_DIRECTORY}/${name}`);
      }
    }
  });

  test('is noticed when it was put in the place of another', async () => {
    const files = await writeSegments();
    const error = await openDamaged(
      new Map([...files, [segmentName(2), files.get(segmentName(3)) ?? assert.fail()]]),
    );
    assert.match(error.message, /the file was renamed/);
  });

  test('is noticed when it comes from another log, though it looks the same from outside', async () => {
    const segmentsWith = async (last: number): Promise<LogFiles> => {
      const { disk } = await emptyDisk();
      const log = await openLog(disk);
      for (let next = 1; next <= 40; next += 1) {
        const { data } = command(1, next, 200) as { data: Uint8Array };
        data[199] = last;
        await log.append([
          entriesWrite([{ kind: 'command', term: term(1), index: index(next), data }], hardState(1)),
        ]);
      }
      return readFiles(disk);
    };
    const other = (await segmentsWith(2)).get(FIRST) ?? assert.fail();
    const error = await openDamaged(new Map([...(await segmentsWith(1)), [FIRST, other]]));
    assert.equal(error.code, 'damaged');
    assert.match(error.message, /the last record is not the one that the next segment follows/);
  });

  test('is noticed when an older copy of it was put back', async () => {
    const { disk } = await emptyDisk();
    const log = await openLog(disk);
    await log.append([entriesWrite(commands(1, 1, 5, 200), hardState(1))]);
    const old = (await readFiles(disk)).get(FIRST) ?? assert.fail();
    await log.append([entriesWrite(commands(1, 6, 30, 200))]);
    const error = await openDamaged(new Map([...(await readFiles(disk)), [FIRST, old]]));
    assert.equal(error.code, 'damaged');
    assert.equal(error.file, `${LOG_DIRECTORY}/${FIRST}`);
  });

  test('is left alone when a newer version wrote it', async () => {
    const files = await writeSegments();
    const error = await openDamaged(withFile(files, FIRST, (bytes) => (bytes[8] = 2)));
    assert.equal(error.code, 'newer-format');
    assert.match(error.message, /has format version 2, and this version of Quorate reads up to 1/);
  });
});

/** How many states hold the same as the one before them: a write that changes nothing makes one. */
function duplicates(states: readonly LogModel[]): number {
  return states.slice(1).filter((state, at) => {
    const previous = states[at];
    return (
      previous !== undefined &&
      JSON.stringify([
        state.hardState.term,
        state.hardState.commit,
        String(state.hardState.vote),
        state.entries.length,
      ]) ===
        JSON.stringify([
          previous.hardState.term,
          previous.hardState.commit,
          String(previous.hardState.vote),
          previous.entries.length,
        ])
    );
  }).length;
}
