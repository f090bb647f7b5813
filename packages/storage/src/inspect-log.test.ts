import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspectLog, type LogLine } from './inspect-log.ts';
import { segmentName } from './segment.ts';
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
import { MemoryFileSystem } from './testing/memory-file-system.ts';

async function inspect(files: LogFiles): Promise<readonly LogLine[]> {
  const disk = await diskWithFiles(files);
  const fileSystem = new MemoryFileSystem(disk);
  const lines: LogLine[] = [];
  for await (const line of inspectLog({ fileSystem, directory: LOG_DIRECTORY })) lines.push(line);
  assert.deepEqual(await readFiles(disk), files, 'looking at a log modified it');
  assert.equal(fileSystem.openFiles, 0);
  return lines;
}

/** A line as a person would note it. */
function show({ type, index: at, term: of, summary }: LogLine): string {
  return [type, at ?? '-', of ?? '-', summary].join(' ').trimEnd();
}

async function smallLog(): Promise<LogFiles> {
  const { disk } = await emptyDisk();
  const log = await openLog(disk);
  const members = {
    kind: 'configuration',
    term: term(1),
    index: index(1),
    configuration: configuration(1n, 0xabn),
  } as const;
  await log.append([
    entriesWrite([members, { kind: 'no-op', term: term(1), index: index(2) }], hardState(1, 0, 0xabn)),
  ]);
  await log.append([entriesWrite([command(1, 3), command(1, 4)])]);
  await log.append([entriesWrite([command(2, 4, 7)], hardState(2, 3))]);
  await log.removeThrough(index(2), { index: index(3), term: term(1), configuration: configuration(1n) });
  await log.close();
  return readFiles(disk);
}

async function segmentedLog(): Promise<LogFiles> {
  const { disk } = await emptyDisk();
  const log = await openLog(disk);
  for (let next = 1; next <= 60; next += 5) {
    await log.append([entriesWrite(commands(1, next, next + 4, 200), hardState(1))]);
  }
  return readFiles(disk);
}

function indexes(lines: readonly LogLine[]): readonly (number | null)[] {
  return lines.filter((line) => line.type === 'command').map((line) => line.index);
}

describe('the lines of a log', () => {
  test('tell each record, with its place', async () => {
    const lines = await inspect(await smallLog());
    assert.deepEqual(lines.map(show), [
      'segment - - segment 1, 4096 bytes',
      'checkpoint 0 0 vote none, commit 0, removed through 0, no snapshot',
      'vote - 1 vote ab',
      'configuration 1 1 voters 1 ab',
      'no-op 2 1',
      'command 3 1 20 bytes',
      'command 4 1 20 bytes',
      'vote - 2 vote none',
      'truncate 4 - this entry and all after it are replaced',
      'command 4 2 7 bytes',
      'commit 3 -',
      'snapshot 3 1 removed through 2, snapshot at 3 of term 1',
      'commit 3 -',
    ]);
    for (const [at, line] of lines.entries()) {
      const next = lines[at + 1];
      if (next !== undefined) assert.equal(next.offset, line.offset + line.bytes);
    }
    assert.deepEqual(lines.find((line) => line.type === 'command')?.entry, command(1, 3));
  });

  test('go through all segments', async () => {
    const lines = await inspect(await segmentedLog());
    assert.deepEqual(
      indexes(lines),
      Array.from({ length: 60 }, (_, at) => at + 1),
    );
    const segments = lines.filter((line) => line.type === 'segment').length;
    assert(segments >= 4);
    assert.equal(lines.filter((line) => line.type === 'seal').length, segments - 1);
    assert.equal(lines.filter((line) => line.type === 'checkpoint').length, segments);
    assert.equal(lines.filter((line) => line.type === 'damage').length, 0);
  });

  test('of a torn tail end with it', async () => {
    const files = await smallLog();
    const end = (await inspect(files)).at(-1);
    assert(end !== undefined);
    const torn = withFile(files, segmentName(1), (bytes) => bytes.fill(7, end.offset, end.offset + 10));
    const lines = await inspect(torn);
    const last = lines.at(-1);
    assert.equal(last?.type, 'torn-tail');
    assert.equal(last?.offset, end.offset);
  });

  test('of a directory without a log are none, and without a directory there is an error', async () => {
    assert.deepEqual(await inspect(new Map()), []);
    const { fileSystem } = await emptyDisk();
    const lines = inspectLog({ fileSystem, directory: '/nowhere' });
    await assert.rejects(lines.next(), { code: 'disk-failed' });
  });
});

describe('the lines of a damaged log', () => {
  test('go on behind the damage', async () => {
    const files = await segmentedLog();
    const victim = (await inspect(files)).find((line) => line.index === 20);
    assert(victim !== undefined);
    const name = victim.file.slice(LOG_DIRECTORY.length + 1);
    const lines = await inspect(
      withFile(files, name, (bytes) => bytes.fill(0, victim.offset, victim.offset + 40)),
    );
    const damage = lines.filter((line) => line.type === 'damage');
    assert.deepEqual(
      damage.map(({ file, offset, bytes }) => ({ file, offset, bytes })),
      [{ file: victim.file, offset: victim.offset, bytes: victim.bytes }],
    );
    assert.equal(indexes(lines).length, 59);
    assert(!indexes(lines).includes(20));
  });

  test('go on behind a file that cannot be read, or is missing', async () => {
    const files = await segmentedLog();
    const name = segmentName(2);
    const broken = await inspect(withFile(files, name, (bytes) => bytes.fill(0, 0, 8)));
    const missing = await inspect(new Map([...files].filter(([kept]) => kept !== name)));
    for (const lines of [broken, missing]) {
      const damage = lines.filter((line) => line.type === 'damage');
      assert.equal(damage.length, 1);
      assert.equal(damage[0]?.file, `${LOG_DIRECTORY}/${name}`);
      assert.equal(indexes(lines).at(-1), 60);
      assert(indexes(lines).length < 60);
    }
  });

  test('name intact records that cannot follow each other', async () => {
    const files = await segmentedLog();
    // The second segment of another log with the same salts: intact, but not what the first one leads to.
    const { disk } = await emptyDisk();
    const other = await openLog(disk);
    await other.append([entriesWrite(commands(2, 1, 60, 190), hardState(2))]);
    const name = segmentName(2);
    const mixed = new Map([...files, [name, (await readFiles(disk)).get(name) ?? assert.fail()]]);
    const damage = (await inspect(mixed)).filter((line) => line.type === 'damage');
    assert(damage.length > 0);
    assert(
      damage.some(
        (line) => /cannot follow|not the one/.test(line.summary) || /its term is/.test(line.summary),
      ),
    );
  });
});
