import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogImage } from './log-image.ts';
import { type Checkpoint, emptyRecordView, readRecordHeader, recordBytes } from './record.ts';
import { RecordWriter } from './record-writer.ts';
import { StorageError } from './storage-error.ts';
import { command, commands, configuration, index, term } from './testing/log-fixture.ts';

const start: Checkpoint = {
  term: term(2),
  vote: null,
  commit: index(3),
  removedThrough: index(0),
  removedTerm: term(0),
  lastIndex: index(0),
  snapshot: null,
};

const fresh: Checkpoint = { ...start, commit: index(0) };

/** Applies records to an image. */
function apply(image: LogImage, encode: (writer: RecordWriter) => void, segment = 1): void {
  const writer = new RecordWriter();
  writer.start(1, 48);
  encode(writer);
  const record = emptyRecordView(writer.bytes);
  for (let at = 0; at < writer.length; at += recordBytes(record.payloadBytes)) {
    readRecordHeader(record, at, 48 + at);
    image.apply(record, segment, '/log/file');
  }
}

/** An image with five entries of term 2, the first three committed. */
function fiveEntries(): LogImage {
  const image = new LogImage();
  apply(image, (writer) => {
    writer.checkpoint(fresh);
    for (const entry of commands(2, 1, 5)) writer.entry(entry);
    writer.commit(index(3));
  });
  return image;
}

const snapshotAt = (at: number, ofTerm: number) => ({
  index: index(at),
  term: term(ofTerm),
  configuration: configuration(1n),
});

const marker = (through: number, at: number, reset = false) => ({
  removedThrough: index(through),
  removedTerm: term(2),
  reset,
  snapshot: snapshotAt(at, 2),
});

test('an intact record that cannot follow those before it is damage', () => {
  const impossible: readonly [RegExp, (writer: RecordWriter) => void][] = [
    [/it is entry 7, and the log ends at 5/, (writer) => writer.entry(command(2, 7))],
    [/it is entry 5, and the log ends at 5/, (writer) => writer.entry(command(2, 5))],
    [/its term is 3, and the member's is 2/, (writer) => writer.entry(command(3, 6))],
    [/its term is 1, and the member's is 2/, (writer) => writer.vote(term(1), null)],
    [/takes the commit index back from 3/, (writer) => writer.commit(index(2))],
    [/the log ends at 5/, (writer) => writer.commit(index(6))],
    [/entries up to 3 are committed/, (writer) => writer.truncate(index(3))],
    [/the log ends at 5/, (writer) => writer.truncate(index(6))],
    [/removes entries that the snapshot does not hold/, (writer) => writer.snapshot(marker(3, 2))],
    [/the log ends at 5/, (writer) => writer.snapshot(marker(2, 6))],
  ];
  for (const [message, encode] of impossible) {
    assert.throws(
      () => apply(fiveEntries(), encode),
      (error) => error instanceof StorageError && error.code === 'damaged' && message.test(error.message),
      String(message),
    );
  }
});

test('nothing but a checkpoint can come first', () => {
  const records: readonly ((writer: RecordWriter) => void)[] = [
    (writer) => writer.commit(index(0)),
    (writer) => writer.entry(command(0, 1)),
    (writer) => writer.vote(term(1), null),
  ];
  for (const encode of records) assert.throws(() => apply(new LogImage(), encode), /it is not a checkpoint/);
});

test('a later checkpoint must say what the records before it say', () => {
  const right: Checkpoint = { ...start, lastIndex: index(5) };
  apply(fiveEntries(), (writer) => writer.checkpoint(right), 2);
  const wrong: readonly Checkpoint[] = [
    { ...right, term: term(3) },
    { ...right, vote: 1n as Checkpoint['vote'] },
    { ...right, commit: index(2) },
    { ...right, lastIndex: index(4) },
    { ...right, removedThrough: index(1) },
    { ...right, removedTerm: term(1) },
    { ...right, snapshot: snapshotAt(1, 1) },
  ];
  for (const checkpoint of wrong) {
    assert.throws(() => apply(fiveEntries(), (writer) => writer.checkpoint(checkpoint), 2), /cannot follow/);
  }
});

test('entries that older, absent segments held may be overwritten or removed, but not be missed', () => {
  const absent: Checkpoint = { ...start, lastIndex: index(9), commit: index(4) };
  const overwritten = new LogImage();
  apply(overwritten, (writer) => {
    writer.checkpoint(absent);
    writer.truncate(index(5));
    for (const entry of commands(2, 5, 6)) writer.entry(entry);
  });
  assert.equal(overwritten.entries.firstMissing(), 1);
  apply(overwritten, (writer) => writer.snapshot(marker(3, 3)));
  assert.equal(overwritten.entries.firstMissing(), 4);
  apply(overwritten, (writer) => writer.snapshot(marker(4, 4)));
  assert.equal(overwritten.entries.firstMissing(), null);
  assert.deepEqual(overwritten.entries.terms, [{ term: 2, firstIndex: 5 }]);
});

test('the checkpoint of an image brings another one to the same state', () => {
  const image = fiveEntries();
  apply(image, (writer) => {
    writer.vote(term(4), 7n as Checkpoint['vote']);
    writer.snapshot(marker(5, 5));
  });
  const copy = new LogImage();
  apply(copy, (writer) => writer.checkpoint(image.checkpoint()));
  assert.deepEqual(copy.checkpoint(), image.checkpoint());
  assert.deepEqual(copy.hardState, { term: 4, vote: 7n, commit: 5 });
});
