import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Compare,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  type RangeResponse,
  TxnRequest,
  type TxnResponse,
} from '@quorate/protocol';
import { isReadOnlyTransaction, isSerializableTransaction } from './validation.ts';
import { assertRefused } from './testing/assert-refused.ts';
import { bytes, compare, operation, StoreDriver, text } from './testing/store-driver.ts';

/** Whether the store finds that a comparison holds. */
function holds(driver: StoreDriver, ...comparison: Parameters<typeof compare>): boolean {
  return driver.txn({ compare: [compare(...comparison)] }).succeeded;
}

function rangeAt(response: TxnResponse, place: number): RangeResponse {
  const result = response.responses[place]?.response;
  assert.equal(result?.$case, 'responseRange');
  return result.responseRange;
}

function keysAt(response: TxnResponse, place: number): string {
  return rangeAt(response, place)
    .kvs.map(({ key }) => text(key))
    .join(' ');
}

const versionIs = (key: string, version: number): Compare =>
  compare(key, Result.EQUAL, Target.VERSION, { $case: 'version', version });

describe('comparisons', () => {
  /** A key at version 2, created at revision 3, changed at revision 4, with the value "m". */
  function oneKey(): StoreDriver {
    const driver = new StoreDriver();
    driver.put('other');
    driver.put('k', 'l');
    driver.put('k', 'm');
    return driver;
  }

  test('every target is compared with every result', () => {
    const driver = oneKey();
    const targets: readonly [Target, (side: number) => Compare['targetUnion'], number][] = [
      [Target.VERSION, (version) => ({ $case: 'version', version }), 2],
      [Target.CREATE, (createRevision) => ({ $case: 'createRevision', createRevision }), 3],
      [Target.MOD, (modRevision) => ({ $case: 'modRevision', modRevision }), 4],
      [Target.VALUE, (code) => ({ $case: 'value', value: Uint8Array.of(code) }), 'm'.charCodeAt(0)],
      [Target.LEASE, (lease) => ({ $case: 'lease', lease: BigInt(lease) }), 0],
    ];
    for (const [target, union, actual] of targets) {
      for (const difference of [-1, 0, 1]) {
        const other = union(actual + difference);
        if (target === Target.VALUE || actual + difference >= 0) {
          assert.equal(holds(driver, 'k', Result.EQUAL, target, other), difference === 0);
          assert.equal(holds(driver, 'k', Result.NOT_EQUAL, target, other), difference !== 0);
          assert.equal(holds(driver, 'k', Result.GREATER, target, other), difference < 0);
          assert.equal(holds(driver, 'k', Result.LESS, target, other), difference > 0);
        }
      }
    }
  });

  test('a missing key is compared with zeros', () => {
    const driver = oneKey();
    assert.equal(holds(driver, 'x', Result.EQUAL, Target.VERSION, { $case: 'version', version: 0 }), true);
    assert.equal(holds(driver, 'x', Result.EQUAL, Target.CREATE, undefined), true);
    assert.equal(holds(driver, 'x', Result.LESS, Target.MOD, { $case: 'modRevision', modRevision: 1 }), true);
    assert.equal(holds(driver, 'x', Result.EQUAL, Target.LEASE, { $case: 'lease', lease: 0n }), true);
  });

  test('no comparison with the value of a missing key holds, not even that it differs', () => {
    const driver = oneKey();
    for (const result of Object.values(Result)) {
      assert.equal(holds(driver, 'x', result, Target.VALUE, { $case: 'value', value: bytes('') }), false);
    }
  });

  test('over a range it must hold for every key, and if there is none, for zeros', () => {
    const driver = oneKey();
    const atLeastOne: Compare['targetUnion'] = { $case: 'version', version: 0 };
    assert.equal(holds(driver, 'a', Result.GREATER, Target.VERSION, atLeastOne, 'z'), true);
    assert.equal(
      holds(driver, 'a', Result.EQUAL, Target.VERSION, { $case: 'version', version: 2 }, 'z'),
      false,
    );
    assert.equal(holds(driver, 'a', Result.GREATER, Target.VERSION, atLeastOne, '\x00'), true);
    assert.equal(holds(driver, 'a', Result.GREATER, Target.VERSION, atLeastOne, 'b'), false);
    assert.equal(holds(driver, 'a', Result.EQUAL, Target.VERSION, atLeastOne, 'b'), true);
    assert.equal(holds(driver, 'a', Result.NOT_EQUAL, Target.VALUE, undefined, 'b'), false);
  });

  test('what a comparison says of the wrong target counts for nothing', () => {
    const driver = oneKey();
    assert.equal(
      holds(driver, 'k', Result.EQUAL, Target.VERSION, { $case: 'modRevision', modRevision: 2 }),
      false,
    );
    assert.equal(
      holds(driver, 'x', Result.EQUAL, Target.VERSION, { $case: 'modRevision', modRevision: 2 }),
      true,
    );
  });

  test('an unknown result always holds, and an unknown target is always equal', () => {
    const driver = oneKey();
    assert.equal(holds(driver, 'k', 9 as Result, Target.VERSION, { $case: 'version', version: 77 }), true);
    assert.equal(holds(driver, 'k', Result.EQUAL, 9 as Target, { $case: 'version', version: 77 }), true);
    assert.equal(holds(driver, 'k', Result.LESS, 9 as Target, { $case: 'version', version: 77 }), false);
  });

  test('an empty key is refused', () => {
    assertRefused(() => oneKey().txn({ compare: [versionIs('', 0)] }), 'key-not-provided');
  });
});

describe('execution', () => {
  test('one of the two lists is executed, and the answer says which', () => {
    const driver = new StoreDriver();
    const request = {
      compare: [versionIs('a', 0)],
      success: [operation.put('a', 'new')],
      failure: [operation.range('a')],
    };
    assert.equal(driver.txn(request).succeeded, true);
    const second = driver.txn(request);
    assert.equal(second.succeeded, false);
    assert.equal(keysAt(second, 0), 'a');
  });

  test('all comparisons must hold', () => {
    const driver = new StoreDriver();
    assert.equal(driver.txn({ compare: [versionIs('a', 0), versionIs('b', 1)] }).succeeded, false);
    assert.equal(driver.txn({}).succeeded, true);
  });

  test('reads see what the transaction changed before them, at the revision that it makes', () => {
    const driver = new StoreDriver();
    driver.put('a', 'old');
    const response = driver.txn({
      success: [
        operation.range('a', 'z'),
        operation.put('b'),
        operation.range('a', 'z'),
        operation.delete('a'),
        operation.range('a', 'z'),
      ],
    });
    assert.deepEqual([keysAt(response, 0), keysAt(response, 2), keysAt(response, 4)], ['a', 'a b', 'b']);
    assert.equal(rangeAt(response, 0).header?.revision, 2);
    assert.equal(rangeAt(response, 2).header?.revision, 3);
    assert.equal(response.header?.revision, 3);
  });

  test('a read at a given revision within a transaction does not see its changes', () => {
    const driver = new StoreDriver();
    driver.put('a', 'old');
    const response = driver.txn({
      success: [operation.put('b'), operation.range('a', 'z', { revision: 2 })],
    });
    assert.equal(keysAt(response, 1), 'a');
  });

  test('prev_kv within a transaction sees the state before the operation', () => {
    const driver = new StoreDriver();
    driver.put('a', 'old');
    const response = driver.txn({ success: [operation.put('a', 'new', { prevKv: true })] });
    const result = response.responses[0]?.response;
    assert.equal(result?.$case, 'responsePut');
    assert.equal(text(result.responsePut.prevKv?.value ?? bytes('')), 'old');
    assert.equal(result.responsePut.header?.revision, 3);
  });

  test('two deletions may overlap: the second finds what the first has left', () => {
    const driver = new StoreDriver();
    for (const key of ['a', 'b', 'c']) driver.put(key);
    const response = driver.txn({ success: [operation.delete('a', 'c'), operation.delete('b', 'z')] });
    const deleted = response.responses.map(({ response: result }) => {
      assert.equal(result?.$case, 'responseDeleteRange');
      return result.responseDeleteRange.deleted;
    });
    assert.deepEqual(deleted, [2, 1]);
    assert.equal(driver.store.revision, 5);
  });

  test('transactions within transactions decide by the state before all of them', () => {
    const driver = new StoreDriver();
    const response = driver.txn({
      success: [
        operation.put('a'),
        operation.txn({
          compare: [versionIs('a', 0)],
          success: [operation.range('a'), operation.put('then')],
          failure: [operation.put('else')],
        }),
      ],
    });
    const nested = response.responses[1]?.response;
    assert.equal(nested?.$case, 'responseTxn');
    assert.equal(nested.responseTxn.succeeded, true);
    assert.equal(keysAt(nested.responseTxn, 0), 'a');
    assert.equal(nested.responseTxn.header?.revision, 0);
    assert.deepEqual(driver.keys('\x00', '\x00'), ['a', 'then']);
    assert.equal(driver.store.revision, 2);
  });

  test('a transaction that fails anywhere changes nothing', () => {
    const driver = new StoreDriver();
    driver.put('a', '1');
    driver.put('a', '2');
    driver.compact(3);
    const failing = [
      [operation.range('a', '', { revision: 2 }), 'compacted'],
      [operation.range('a', '', { revision: 9 }), 'future-revision'],
      [operation.range('a', '', { revision: 4 }), 'future-revision'],
      [operation.put('x', '', { ignoreValue: true }), 'key-not-found'],
      [operation.put('x', '', { lease: 1n }), 'lease-not-found'],
    ] as const;
    for (const [last, code] of failing) {
      assertRefused(() => driver.txn({ success: [operation.put('new'), last] }), code);
      const nested = operation.txn({ failure: [], success: [last] });
      assertRefused(() => driver.txn({ success: [operation.delete('a'), nested] }), code);
    }
    assert.equal(driver.store.revision, 3);
    assert.deepEqual(driver.keys('\x00', '\x00'), ['a']);
  });

  test('what is wrong in a list that is not executed does no harm, if it is not wrong in itself', () => {
    const driver = new StoreDriver();
    const response = driver.txn({
      success: [operation.put('a')],
      failure: [operation.range('a', '', { revision: 99 }), operation.put('x', '', { ignoreValue: true })],
    });
    assert.equal(response.succeeded, true);
  });

  test('an operation that says nothing is refused', () => {
    const driver = new StoreDriver();
    assertRefused(() => driver.txn({ failure: [{ request: undefined }] }), 'key-not-found');
  });
});

describe('read-only transactions', () => {
  const readOnly = TxnRequest.create({
    compare: [versionIs('a', 1)],
    success: [
      operation.range('a'),
      operation.txn({ success: [operation.range('b', '', { serializable: true })] }),
    ],
  });

  test('have nothing but ranges, on any level', () => {
    assert.equal(isReadOnlyTransaction(readOnly), true);
    assert.equal(isReadOnlyTransaction(TxnRequest.create({})), true);
    assert.equal(isReadOnlyTransaction(TxnRequest.create({ failure: [operation.put('a')] })), false);
    const nested = operation.txn({ failure: [operation.delete('a')] });
    assert.equal(isReadOnlyTransaction(TxnRequest.create({ success: [nested] })), false);
  });

  test('are serializable if every range is', () => {
    assert.equal(isSerializableTransaction(readOnly), false);
    const serializable = operation.range('a', '', { serializable: true });
    assert.equal(isSerializableTransaction(TxnRequest.create({ success: [serializable] })), true);
    assert.equal(isSerializableTransaction(TxnRequest.create({ success: [operation.put('a')] })), false);
  });

  test('are answered from the store', () => {
    const driver = new StoreDriver();
    driver.put('a');
    const response = driver.store.readTransaction(readOnly);
    assert.equal(response.succeeded, true);
    assert.equal(keysAt(response, 0), 'a');
    assert.equal(response.header?.revision, 2);
  });

  test('are refused as ranges are', () => {
    const { store } = new StoreDriver();
    const future = TxnRequest.create({ success: [operation.range('a', '', { revision: 9 })] });
    assertRefused(() => store.readTransaction(future), 'future-revision');
    assertRefused(
      () => store.readTransaction(TxnRequest.create({ success: [operation.range('')] })),
      'key-not-provided',
    );
    assert.throws(
      () => store.readTransaction(TxnRequest.create({ success: [operation.put('a')] })),
      /must go through the log/,
    );
  });
});
