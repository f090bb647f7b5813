import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { methodShapes, messageShapes } from '../generated/message-shapes.ts';
import {
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  PutRequest,
  RangeRequest,
  RangeResponse,
  TxnRequest,
} from '../generated/etcdserverpb/kv.ts';
import { LeaseGrantRequest } from '../generated/etcdserverpb/lease.ts';
import { WatchResponse } from '../generated/etcdserverpb/watch.ts';
import type { Codec } from '../service.ts';
import {
  authService,
  clusterService,
  kvService,
  leaseService,
  maintenanceService,
  watchService,
} from '../services.ts';
import { fromJson } from './from-json.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { type FieldShape, type MessageShape } from './message-shape.ts';
import { parseJson } from './parse-json.ts';
import { toJson } from './to-json.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function read(typeName: string, text: string): unknown {
  return fromJson(typeName, parseJson(text));
}

/** What a message becomes when it has been through its bytes. */
function throughBytes<Message>(codec: Codec<Message>, message: unknown): Message {
  return codec.decode(codec.encode(message as Message).finish());
}

function assertRefuses(typeName: string, text: string, message: string | RegExp): void {
  assert.throws(() => read(typeName, text), { name: 'JsonFormatError', message });
}

describe('a message in JSON', () => {
  test('has the names of the .proto file, strings for 64-bit integers, base64, and no defaults', () => {
    const response = RangeResponse.fromPartial({
      header: { clusterId: 14_443_903_163_313_418_560n, memberId: 5n, revision: 2, raftTerm: 3 },
      kvs: [{ key: bytes('foo'), value: bytes('bar'), createRevision: 2, modRevision: 2, version: 1 }],
      count: 1,
    });
    assert.equal(
      JSON.stringify(toJson('etcdserverpb.RangeResponse', response)),
      '{"header":{"cluster_id":"14443903163313418560","member_id":"5","revision":"2","raft_term":"3"},' +
        '"kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}],"count":"1"}',
    );
  });

  test('has an enum by name, and the chosen field of a oneof even if it has its default', () => {
    const request = TxnRequest.fromPartial({
      compare: [
        {
          result: Result.GREATER,
          target: Target.MOD,
          key: bytes('a'),
          targetUnion: { $case: 'modRevision', modRevision: 0 },
        },
      ],
      success: [{ request: { $case: 'requestRange', requestRange: {} } }],
    });
    assert.deepEqual(toJson('etcdserverpb.TxnRequest', request), {
      compare: [{ result: 'GREATER', target: 'MOD', key: 'YQ==', mod_revision: '0' }],
      success: [{ request_range: {} }],
    });
  });

  test('has names in capitals as etcd spells them', () => {
    const json = toJson('etcdserverpb.LeaseGrantRequest', LeaseGrantRequest.create({ TTL: 10, ID: 123n }));
    assert.deepEqual(json, { TTL: '10', ID: '123' });
  });

  test('keeps a number that its enum has no name for', () => {
    const request = { ...RangeRequest.create(), sortOrder: 9 };
    assert.deepEqual(toJson('etcdserverpb.RangeRequest', request), { sort_order: 9 });
  });
});

describe('JSON as a message', () => {
  test('may name fields and enums either way, and write integers as numbers', () => {
    const expected = RangeRequest.create({
      key: bytes('foo'),
      rangeEnd: bytes('g'),
      limit: 5,
      sortOrder: 2,
      sortTarget: 1,
      keysOnly: true,
    });
    for (const text of [
      '{"key":"Zm9v","range_end":"Zw==","limit":"5","sort_order":"DESCEND","sort_target":"VERSION","keys_only":true}',
      '{"key":"Zm9v","rangeEnd":"Zw","limit":5,"sortOrder":2,"sortTarget":1,"keysOnly":true,"revision":null}',
    ]) {
      assert.deepEqual(throughBytes(RangeRequest, read('etcdserverpb.RangeRequest', text)), expected);
    }
  });

  test('may nest', () => {
    const text = `{"compare":[{"target":"CREATE","key":"YQ==","create_revision":"0"}],
      "success":[{"request_put":{"key":"YQ==","value":"MQ==","lease":"7587862094529393202"}}],
      "failure":[{"request_txn":{"success":[{"requestDeleteRange":{"key":"YQ=="}}]}}]}`;
    const request = throughBytes(TxnRequest, read('etcdserverpb.TxnRequest', text));
    const [put] = request.success;
    assert(put?.request?.$case === 'requestPut');
    assert.equal(put.request.requestPut.lease, 7_587_862_094_529_393_202n);
    const [nested] = request.failure;
    assert(nested?.request?.$case === 'requestTxn');
    assert.equal(nested.request.requestTxn.success[0]?.request?.$case, 'requestDeleteRange');
  });

  test('keeps every digit of an integer, as a number or as a string', () => {
    for (const id of ['9223372036854775807', '-9223372036854775808', '9007199254740993']) {
      for (const text of [`{"ID":${id}}`, `{"ID":"${id}"}`]) {
        const request = read('etcdserverpb.LeaseGrantRequest', text) as LeaseGrantRequest;
        assert.equal(request.ID, BigInt(id));
      }
    }
  });

  test('reads base64 of both alphabets', () => {
    for (const text of ['+/8=', '-_8', '+_8=']) {
      const request = read('etcdserverpb.PutRequest', `{"key":"${text}"}`) as PutRequest;
      assert.deepEqual([...request.key], [251, 255]);
    }
  });

  test('is refused with what is wrong and where', () => {
    const range = 'etcdserverpb.RangeRequest';
    assertRefuses(range, '{"key":"Zm9v"', /JSON/);
    assertRefuses(range, '{"key":"Zm9v"} {}', /JSON/);
    assertRefuses(range, '[]', 'it should be a JSON object, and is a list');
    assertRefuses(range, '{"kye":"Zm9v"}', 'kye: etcdserverpb.RangeRequest has no such field');
    assertRefuses(range, '{"__proto__":{}}', /__proto__: .* has no such field/);
    assertRefuses(range, '{"constructor":{}}', /constructor: .* has no such field/);
    assertRefuses(range, '{"range_end":"","rangeEnd":""}', 'rangeEnd: is given twice');
    assertRefuses(range, '{"key":5}', 'key: should be a string in base64, and is a number');
    assertRefuses(range, '{"key":"a"}', 'key: is not valid base64');
    assertRefuses(range, '{"key":"??=="}', 'key: is not valid base64');
    assertRefuses(range, '{"limit":"x"}', 'limit: should be an integer, and is a string');
    assertRefuses(range, '{"limit":1.5}', 'limit: should be an integer, and is a fraction');
    assertRefuses(range, '{"limit":"9007199254740993"}', 'limit: is too large');
    assertRefuses(range, '{"limit":99999999999999999999}', /limit: should be from -9223372036854775808/);
    assertRefuses(range, '{"serializable":"true"}', 'serializable: should be true or false, and is a string');
    assertRefuses(range, '{"sort_order":"UP"}', 'sort_order: should be one of NONE, ASCEND, DESCEND');
    assertRefuses(range, '{"sort_order":"toString"}', 'sort_order: should be one of NONE, ASCEND, DESCEND');
    const txn = 'etcdserverpb.TxnRequest';
    assertRefuses(txn, '{"compare":{}}', 'compare: should be a list, and is an object');
    assertRefuses(
      txn,
      '{"compare":[{},{"version":1,"lease":2}]}',
      'compare[1].lease: excludes another field that is given',
    );
    assertRefuses(
      'etcdserverpb.AuthUserAddRequest',
      '{"name":1}',
      'name: should be a string, and is a number',
    );
  });

  test('cannot exhaust the stack', () => {
    assertRefuses('etcdserverpb.RangeRequest', '['.repeat(500_000), /JSON|nested/);
    const nested = '{"success":[{"request_txn":'.repeat(200) + '{}' + '}]}'.repeat(200);
    assertRefuses('etcdserverpb.TxnRequest', nested, /nested more than 100 deep/);
  });

  test('does not repeat what somebody sent', () => {
    assertRefuses('etcdserverpb.AuthenticateRequest', '{"password":hush}', /^((?!hush).)*$/s);
  });
});

/** Every codec that can be spoken in JSON, with the name of its type. */
function codecs(): [string, Codec<unknown>][] {
  const services = [kvService, watchService, leaseService, clusterService, maintenanceService, authService];
  return services.flatMap(({ methods }) => {
    return Object.values(methods).flatMap((method): [string, Codec<unknown>][] => {
      const shape = methodShapes[method.path] ?? assert.fail(`${method.path} has no shape`);
      return [
        [shape.request, method.request as Codec<unknown>],
        [shape.response, method.response as Codec<unknown>],
      ];
    });
  });
}

/** Any message of a type, with few fields the deeper it is nested. */
function anyMessage(shape: MessageShape, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const properties: Record<string, fc.Arbitrary<unknown>> = {};
  const oneofs = new Map<string, fc.Arbitrary<unknown>[]>();
  for (const field of shape) {
    const value = anyValue(field, depth);
    if (field.oneof !== null) {
      const chosen = value.map((each) => ({ $case: field.property, [field.property]: each }));
      oneofs.set(field.oneof, [...(oneofs.get(field.oneof) ?? []), chosen]);
    } else if (field.isRepeated) {
      properties[field.property] = fc.array(value, { maxLength: depth > 2 ? 0 : 2 });
    } else if (field.type === 'message') {
      properties[field.property] = depth > 2 ? fc.constant(undefined) : fc.option(value, { nil: undefined });
    } else {
      properties[field.property] = value;
    }
  }
  for (const [name, choices] of oneofs) {
    properties[name] =
      depth > 2 ? fc.constant(undefined) : fc.option(fc.oneof(...choices), { nil: undefined });
  }
  return fc.record(properties);
}

function anyValue(field: FieldShape, depth: number): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'string':
      return fc.string();
    case 'bytes':
      return fc.uint8Array({ maxLength: 20 }).map((each) => new Uint8Array(each));
    case 'bool':
      return fc.boolean();
    case 'double':
      return fc.integer();
    case 'int32':
      return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    case 'uint32':
      return fc.nat({ max: 2 ** 32 - 1 });
    case 'int64':
      return field.js === 'number'
        ? fc.maxSafeInteger()
        : fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'uint64':
      return field.js === 'number' ? fc.maxSafeNat() : fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'enum':
      return fc.constantFrom(...Object.values(field.values));
    case 'message': {
      const nested = messageShapes[field.message] ?? assert.fail(field.message);
      // Built when it is needed: transactions contain themselves.
      return fc.constant(null).chain(() => anyMessage(depth > 2 ? [] : nested, depth + 1));
    }
  }
}

test('every message survives JSON, and its shape fits its codec', () => {
  for (const [typeName, codec] of codecs()) {
    const shape = messageShapes[typeName] ?? assert.fail(typeName);
    const property = fc.property(anyMessage(shape, 0), (message) => {
      const sent = throughBytes(codec, message);
      const received = throughBytes(codec, read(typeName, JSON.stringify(toJson(typeName, sent))));
      assert.deepEqual(received, sent);
    });
    fc.assert(property, { numRuns: 30 });
  }
});

test('every path of the gateway leads to a method, and every method but one has a path', () => {
  const routed = new Set(Object.values(gatewayRoutes));
  const unrouted = Object.keys(methodShapes).filter((path) => !routed.has(path));
  assert.deepEqual(unrouted, ['/etcdserverpb.KV/RangeStream']);
  for (const path of routed) assert.ok(path in methodShapes, path);
});

test('a response of a stream says which watch it is for', () => {
  const response = WatchResponse.fromPartial({ watchId: 3n, created: true });
  assert.deepEqual(toJson('etcdserverpb.WatchResponse', response), { watch_id: '3', created: true });
});
