import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeRecord,
  emptyRecordView,
  RECORD_HEADER_BYTES,
  readRecordHeader,
  recordBytes,
  recordIsIntact,
} from './record.ts';
import { RecordWriter } from './record-writer.ts';
import { command, configuration, index, term } from './testing/log-fixture.ts';

const SALT = 0xdead_beef;

/** One record of every type, and what it decodes to. */
const samples = [
  {
    encode: (writer: RecordWriter) => writer.vote(term(7), null),
    record: { type: 'vote', term: 7, vote: null },
  },
  {
    encode: (writer: RecordWriter) => writer.commit(index(2 ** 40 + 5)),
    record: { type: 'commit', index: 2 ** 40 + 5 },
  },
  { encode: (writer: RecordWriter) => writer.truncate(index(9)), record: { type: 'truncate', from: 9 } },
  {
    encode: (writer: RecordWriter) => writer.entry(command(3, 4, 13)),
    record: { type: 'entry', entry: command(3, 4, 13) },
  },
  { encode: (writer: RecordWriter) => writer.seal(), record: { type: 'seal' } },
  {
    encode: (writer: RecordWriter) =>
      writer.snapshot({
        removedThrough: index(5),
        removedTerm: term(1),
        reset: true,
        snapshot: { index: index(6), term: term(2), configuration: configuration(3n) },
      }),
    record: {
      type: 'snapshot',
      removedThrough: 5,
      removedTerm: 1,
      reset: true,
      snapshot: { index: 6, term: 2, configuration: configuration(3n) },
    },
  },
] as const;

function encodeAll(): RecordWriter {
  const writer = new RecordWriter();
  writer.start(SALT, 48);
  for (const { encode } of samples) encode(writer);
  return writer;
}

test('records decode to what was encoded, one after the other', () => {
  const writer = encodeAll();
  const view = emptyRecordView(writer.bytes);
  let at = 0;
  for (const { record } of samples) {
    assert(readRecordHeader(view, at, 48 + at));
    assert(recordIsIntact(view, SALT));
    assert.equal(view.batchStart, 48);
    assert.deepEqual(decodeRecord(view), record);
    at += recordBytes(view.payloadBytes);
  }
  assert.equal(at, writer.length);
});

test('a record is intact under its own salt only', () => {
  const writer = encodeAll();
  const view = emptyRecordView(writer.bytes);
  readRecordHeader(view, 0, 48);
  assert(!recordIsIntact(view, SALT + 1));
});

test('an intact record with too short a payload, or a number too large, makes no sense', () => {
  const writer = new RecordWriter();
  for (const type of [1, 2, 3, 4, 5, 6, 7, 8]) {
    writer.start(SALT, 0);
    writer.seal();
    new DataView(writer.bytes.buffer).setUint32(4, type << 24, true);
    const view = emptyRecordView(writer.bytes);
    assert(readRecordHeader(view, 0, 0));
    assert.throws(() => decodeRecord(view), RangeError);
  }
  writer.start(SALT, 0);
  writer.commit(index(1));
  new DataView(writer.bytes.buffer).setUint32(RECORD_HEADER_BYTES + 4, 0x20_0000, true);
  const view = emptyRecordView(writer.bytes);
  readRecordHeader(view, 0, 0);
  assert.throws(() => decodeRecord(view), RangeError);
});

test('zeros, an unknown type, and a write that begins behind the record are no record', () => {
  const view = emptyRecordView(new Uint8Array(64));
  assert(!readRecordHeader(view, 0, 48));
  view.view.setUint32(4, 10 << 24, true);
  assert(!readRecordHeader(view, 0, 48));
  view.view.setUint32(4, 9 << 24, true);
  view.view.setUint32(8, 49, true);
  assert(!readRecordHeader(view, 0, 48));
  assert(readRecordHeader(view, 0, 56));
});

test('the last record can be taken to another write', () => {
  const writer = encodeAll();
  const { length } = writer;
  writer.entry(command(3, 5, 1000));
  assert.equal(writer.lastRecordAt, length);
  writer.restartWithLastRecord(SALT + 1, 480);
  writer.commit(index(5));
  const view = emptyRecordView(writer.bytes);
  assert(readRecordHeader(view, 0, 480));
  assert(recordIsIntact(view, SALT + 1));
  assert.equal(view.batchStart, 480);
  assert.deepEqual(decodeRecord(view), { type: 'entry', entry: command(3, 5, 1000) });
  readRecordHeader(view, recordBytes(view.payloadBytes), 480 + recordBytes(view.payloadBytes));
  assert(recordIsIntact(view, SALT + 1));
  assert.deepEqual(decodeRecord(view), { type: 'commit', index: 5 });
});

test('a buffer that grew for one batch leaves no trace in the next', () => {
  const writer = new RecordWriter();
  writer.start(SALT, 48);
  writer.entry(command(1, 1, 6_000_000));
  writer.start(SALT, 48);
  assert(writer.bytes.length < 1_000_000);
  writer.entry(command(1, 2, 1));
  const view = emptyRecordView(writer.bytes);
  assert(readRecordHeader(view, 0, 48));
  assert(recordIsIntact(view, SALT));
  assert.deepEqual(decodeRecord(view), { type: 'entry', entry: command(1, 2, 1) });
});
