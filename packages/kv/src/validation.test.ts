import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RequestOp, TxnRequest } from '@quorate/protocol';
import { assertRefused } from './testing/assert-refused.ts';
import { bytes, operation, StoreDriver } from './testing/store-driver.ts';

function manyPuts(count: number, prefix = 'k'): RequestOp[] {
  return Array.from({ length: count }, (_, index) => operation.put(`${prefix}${index}`));
}

describe('the number of operations', () => {
  test('is at most 128 in each list, and for comparisons', () => {
    const driver = new StoreDriver();
    const comparisons = Array.from({ length: 129 }, () => ({ key: bytes('a') }));
    driver.txn({ success: manyPuts(128), failure: manyPuts(128) });
    driver.txn(TxnRequest.create({ compare: comparisons.slice(1) }));
    assertRefused(() => driver.txn({ success: manyPuts(129) }), 'too-many-operations');
    assertRefused(() => driver.txn({ failure: manyPuts(129) }), 'too-many-operations');
    assertRefused(() => driver.txn(TxnRequest.create({ compare: comparisons })), 'too-many-operations');
  });

  test('of a transaction within a transaction is what the outer one leaves', () => {
    const driver = new StoreDriver();
    const outer = (inner: number): RequestOp[] => [
      ...manyPuts(27, 'outer'),
      operation.txn({ success: manyPuts(inner) }),
    ];
    driver.txn({ success: outer(100) });
    assertRefused(() => driver.txn({ success: outer(101) }), 'too-many-operations');
    // The longest of the lists counts, not the one with the transaction in it.
    assertRefused(
      () => driver.txn({ success: manyPuts(127), failure: [operation.txn({ success: manyPuts(2) })] }),
      'too-many-operations',
    );
  });

  test('can be set', () => {
    const driver = StoreDriver.withOptions({ transactionMaxOperations: 2 });
    driver.txn({ success: manyPuts(2) });
    assertRefused(() => driver.txn({ success: manyPuts(3) }), 'too-many-operations');
    assertRefused(
      () => driver.store.readTransaction(TxnRequest.create({ success: Array(3).fill(operation.range('a')) })),
      'too-many-operations',
    );
  });

  test('does not lift the limit of nesting, within which the log can be read again', () => {
    const driver = StoreDriver.withOptions({ transactionMaxOperations: 1_000_000 });
    const nested = (depth: number): TxnRequest =>
      TxnRequest.create(depth === 1 ? {} : { success: [operation.txn(nested(depth - 1))] });
    driver.txn(nested(128));
    assertRefused(() => driver.txn(nested(129)), 'too-many-operations');
  });

  test('counts when a transaction is proposed, not when it is applied: members may have other limits', () => {
    const driver = StoreDriver.withOptions({ transactionMaxOperations: 2 });
    driver.apply({ $case: 'txn', txn: TxnRequest.create({ success: manyPuts(200) }) });
    assert.equal(driver.range('k', 'l').count, 200);
  });
});

describe('a key changes at most once in a transaction', () => {
  const cases: readonly [string, 'refused' | 'allowed', RequestOp[]][] = [
    ['two puts of one key', 'refused', [operation.put('a'), operation.put('a')]],
    ['puts of two keys', 'allowed', [operation.put('a'), operation.put('b')]],
    ['a put and its deletion', 'refused', [operation.put('a'), operation.delete('a')]],
    ['a deletion and a put', 'refused', [operation.delete('a'), operation.put('a')]],
    ['a deletion of a range with the key', 'refused', [operation.put('b'), operation.delete('a', 'c')]],
    [
      'a deletion of a range that ends before the key',
      'allowed',
      [operation.put('c'), operation.delete('a', 'c')],
    ],
    [
      'a deletion of all keys from an earlier one on',
      'refused',
      [operation.put('b'), operation.delete('a', '\x00')],
    ],
    [
      'a deletion of all keys from a later one on',
      'allowed',
      [operation.put('b'), operation.delete('c', '\x00')],
    ],
    ['a deletion of an empty range', 'allowed', [operation.put('b'), operation.delete('c', 'a')]],
    [
      'deletions that overlap',
      'allowed',
      [operation.delete('a', 'c'), operation.delete('b', 'd'), operation.delete('b')],
    ],
    ['a put and a range over it', 'allowed', [operation.put('a'), operation.range('a', 'z')]],
    [
      'a put above and one below',
      'refused',
      [operation.put('a'), operation.txn({ success: [operation.put('a')] })],
    ],
    [
      'a put below and a deletion above',
      'refused',
      [operation.delete('a', 'c'), operation.txn({ failure: [operation.put('b')] })],
    ],
    [
      'a deletion below and a put above',
      'refused',
      [operation.txn({ failure: [operation.delete('a', 'c')] }), operation.put('b')],
    ],
    [
      'puts in the two lists of one transaction',
      'allowed',
      [operation.txn({ success: [operation.put('a')], failure: [operation.put('a'), operation.put('b')] })],
    ],
    [
      'a put in one list and a deletion in the other',
      'allowed',
      [operation.txn({ success: [operation.put('a')], failure: [operation.delete('a', '\x00')] })],
    ],
    [
      'puts in two transactions side by side',
      'refused',
      [operation.txn({ success: [operation.put('a')] }), operation.txn({ failure: [operation.put('a')] })],
    ],
    [
      'a put in one transaction and a deletion in the next',
      'refused',
      [operation.txn({ success: [operation.put('a')] }), operation.txn({ success: [operation.delete('a')] })],
    ],
    [
      'a deletion in one transaction and a put two levels down in the next',
      'refused',
      [
        operation.txn({ success: [operation.delete('a', 'c')] }),
        operation.txn({ success: [operation.txn({ failure: [operation.put('b')] })] }),
      ],
    ],
    [
      'a deletion that covers puts of its own transaction and one of another',
      'refused',
      [
        operation.txn({
          success: [operation.put('b'), operation.put('c')],
          failure: [operation.delete('a', 'e')],
        }),
        operation.put('d'),
      ],
    ],
  ];

  for (const [what, verdict, operations] of cases) {
    test(`${what}: ${verdict}`, () => {
      for (const request of [{ success: operations }, { failure: operations }]) {
        const driver = new StoreDriver();
        if (verdict === 'refused') {
          assertRefused(() => driver.txn(request), 'duplicate-key');
        } else {
          driver.txn(request);
        }
      }
    });
  }

  test('the two lists of the transaction itself may change the same keys', () => {
    new StoreDriver().txn({
      success: [operation.put('a')],
      failure: [operation.put('a'), operation.delete('b')],
    });
  });
});

test('whatever is refused is refused when it is applied, too, and changes nothing', () => {
  const driver = new StoreDriver();
  const request = TxnRequest.create({
    success: [operation.put('b'), operation.put('a'), operation.put('a')],
  });
  assertRefused(() => driver.apply({ $case: 'txn', txn: request }), 'duplicate-key');
  assertRefused(
    () => driver.apply({ $case: 'txn', txn: TxnRequest.create({ success: [operation.put('')] }) }),
    'key-not-provided',
  );
  assert.equal(driver.store.revision, 1);
  assert.equal(driver.store.appliedIndex, 2);
});
