import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Command,
  Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  type Codec,
  LeaseTimeToLiveResponse,
  MemberListResponse,
  peer,
  PutRequest,
  RangeRequest,
  RangeRequest_SortOrder,
  ResponseHeader,
  StatusResponse,
  TxnRequest,
  WatchResponse,
  WireError,
} from './index.ts';

/** Bytes as people write them: hexadecimal, with blanks where fields end. */
function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.split(/\s+/).join('').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function hex(data: Uint8Array): string {
  return [...data].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Both directions: `message` has exactly the encoding `expected`, and the other way around. */
function assertWire<Message>(codec: Codec<Message>, message: Message, expected: string): void {
  assert.equal(hex(codec.encode(message).finish()), hex(bytes(expected)));
  assert.deepEqual(codec.decode(bytes(expected)), message);
}

// The expected bytes are worked out by hand from the encoding rules: a tag is (field number << 3 | wire type),
// wire type 0 is a varint, 1 eight bytes, 2 a length and that many bytes.

test('PutRequest: bytes, a lease and flags', () => {
  const message = PutRequest.create({ key: utf8('foo'), value: utf8('bar'), lease: 0x1234n, prevKv: true });
  assertWire(PutRequest, message, '0a03 666f6f  1203 626172  18 b424  20 01');
});

test('fields with their default values take no bytes', () => {
  assertWire(PutRequest, PutRequest.create({}), '');
  assertWire(RangeRequest, RangeRequest.create({}), '');
});

test('RangeRequest: enums, numbers and field numbers above 15 bits of the tag', () => {
  const message = RangeRequest.create({
    key: utf8('a'),
    rangeEnd: Uint8Array.of(0),
    limit: 300,
    revision: -1,
    sortOrder: RangeRequest_SortOrder.DESCEND,
    serializable: true,
    maxCreateRevision: Number.MAX_SAFE_INTEGER,
  });
  assertWire(
    RangeRequest,
    message,
    '0a01 61  1201 00  18 ac02  20 ffffffffffffffffff01  28 02  38 01  68 ffffffffffffff0f',
  );
});

test('Compare: a oneof with a number, and field 64 with a tag of two bytes', () => {
  const message = Compare.create({
    result: Compare_CompareResult.GREATER,
    target: Compare_CompareTarget.MOD,
    key: utf8('k'),
    targetUnion: { $case: 'modRevision', modRevision: 5 },
    rangeEnd: utf8('l'),
  });
  assertWire(Compare, message, '08 01  10 02  1a01 6b  30 05  8204 01 6c');
});

test('a oneof is written even if its value is the default', () => {
  const message = Compare.create({ targetUnion: { $case: 'version', version: 0 } });
  assertWire(Compare, message, '20 00');
});

test('TxnRequest: nested messages', () => {
  const message = TxnRequest.create({
    success: [{ request: { $case: 'requestDeleteRange', requestDeleteRange: { key: utf8('x') } } }],
    failure: [{ request: { $case: 'requestTxn', requestTxn: { compare: [{}] } } }],
  });
  assertWire(TxnRequest, message, '12 05 1a 03 0a 01 78   1a 04 22 02 0a 00');
});

test('a nested message of more than 127 bytes has a longer length', () => {
  const message = Command.create({ body: { $case: 'put', put: { value: new Uint8Array(300).fill(0xaa) } } });
  assertWire(Command, message, `12 af02  12 ac02 ${'aa'.repeat(300)}`);
});

test('ResponseHeader: ids are whole 64-bit integers', () => {
  const message = ResponseHeader.create({
    clusterId: 0xffff_ffff_ffff_ffffn,
    memberId: 1n << 63n,
    revision: 2 ** 40,
    raftTerm: 7,
  });
  assertWire(
    ResponseHeader,
    message,
    '08 ffffffffffffffffff01  10 80808080808080808001  18 808080808020  20 07',
  );
});

test('MemberListResponse: names and lists of strings', () => {
  const message = MemberListResponse.create({
    members: [{ ID: 3n, name: 'é', peerURLs: ['a', 'b'], clientURLs: [], isLearner: true }],
  });
  assertWire(MemberListResponse, message, '12 0e  08 03  12 02 c3a9  1a 01 61  1a 01 62  28 01');
});

test('LeaseTimeToLiveResponse: a negative number takes ten bytes', () => {
  const message = LeaseTimeToLiveResponse.create({ ID: -2n, TTL: -1, keys: [Uint8Array.of(0xff)] });
  assertWire(LeaseTimeToLiveResponse, message, '10 feffffffffffffffff01  18 ffffffffffffffffff01  2a 01 ff');
});

test('StatusResponse and WatchResponse: field numbers as in etcd', () => {
  assertWire(
    StatusResponse,
    StatusResponse.create({ version: '3.6', dbSizeQuota: 1, downgradeInfo: { enabled: true } }),
    '12 03 332e36  60 01  6a 02 08 01',
  );
  assertWire(
    WatchResponse,
    WatchResponse.create({ watchId: 1n, events: [{ type: 1 }] }),
    '10 01  5a 02 08 01',
  );
});

test('Command: a request id has eight fixed bytes for the member', () => {
  const message = Command.create({
    requestId: { member: 0x0102030405060708n, sequence: 300 },
    body: { $case: 'compaction', compaction: { revision: 9, physical: true } },
  });
  assertWire(Command, message, '0a 0c 09 0807060504030201 10 ac02   2a 04 08 09 10 01');
});

test('peer messages: packed and unpacked lists of numbers are both understood', () => {
  const message = peer.ProposalsRefused.create({ ids: [1, 300], reason: 2 });
  assert.deepEqual(peer.ProposalsRefused.decode(bytes('08 01  08 ac02  10 02')), message);
  assert.deepEqual(peer.ProposalsRefused.decode(bytes('0a 03 01 ac02  10 02')), message);
  const configuration = peer.Configuration.create({ voters: [1n, 2n] });
  assert.deepEqual(
    peer.Configuration.decode(bytes('0a 10 0100000000000000 0200000000000000')),
    configuration,
  );
});

test('unknown fields of every kind are ignored', () => {
  const unknown = 'a006 01  a106 0102030405060708  a206 03 010203  a506 01020304';
  assert.deepEqual(PutRequest.decode(bytes(`0a01 61 ${unknown}`)), PutRequest.create({ key: utf8('a') }));
});

test('of a field that comes twice the last one counts', () => {
  assert.deepEqual(PutRequest.decode(bytes('0a01 61 0a01 62')), PutRequest.create({ key: utf8('b') }));
});

test('a number outside the safe range is an error, never rounded', () => {
  // 2^53 and -2^53 - 1 in the field `limit`.
  assert.throws(() => RangeRequest.decode(bytes('18 8080808080808010')), WireError);
  assert.throws(() => RangeRequest.decode(bytes('18 ffffffffffffff efff01')), WireError);
  assert.throws(() => RangeRequest.encode(RangeRequest.create({ limit: 2 ** 53 })), WireError);
  assert.throws(() => RangeRequest.encode(RangeRequest.create({ limit: 0.5 })), WireError);
  assert.throws(
    () => Compare.encode(Compare.create({ targetUnion: { $case: 'version', version: 2 ** 60 } })),
    WireError,
  );
  assert.throws(() => PutRequest.encode(PutRequest.create({ lease: 1n << 63n })), WireError);
  assert.throws(() => ResponseHeader.encode(ResponseHeader.create({ memberId: -1n })), WireError);
});

test('malformed messages are errors', () => {
  const malformed: Readonly<Record<string, string>> = {
    'field number 0': '00 00',
    'an end-group tag': '0c',
    'a length beyond the end': '0a 05 61',
    'an integer cut short': '18 80',
    'an integer of eleven bytes': '18 8080808080808080808001',
    'a nested message whose field reaches beyond it': '0a 01 09 0807060504030201',
  };
  for (const [what, data] of Object.entries(malformed)) {
    assert.throws(() => Command.decode(bytes(data)), WireError, what);
    assert.throws(() => RangeRequest.decode(bytes(data)), WireError, what);
  }
});

test('text that is not UTF-8 is an error', () => {
  assert.throws(() => peer.MemberAddress.decode(bytes('12 02 c328')), WireError);
});

test('a message is nested at most 512 deep', () => {
  // Each level of transactions is two levels of messages.
  const nest = (levels: number): TxnRequest =>
    levels === 0
      ? TxnRequest.create({})
      : TxnRequest.create({ success: [{ request: { $case: 'requestTxn', requestTxn: nest(levels - 1) } }] });
  const deepest = nest(255);
  assert.deepEqual(TxnRequest.decode(TxnRequest.encode(deepest).finish()), deepest);
  assert.throws(() => TxnRequest.decode(TxnRequest.encode(nest(256)).finish()), WireError);
});

test('decoded bytes are views of the input', () => {
  const input = bytes('0a03 666f6f');
  const { key } = PutRequest.decode(input);
  assert.equal(key.buffer, input.buffer);
});
