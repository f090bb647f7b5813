import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRefused } from './testing/assert-refused.ts';
import { compare, operation, StoreDriver } from './testing/store-driver.ts';

test('an empty store is at revision 1, and the first put makes revision 2', () => {
  const driver = new StoreDriver();
  assert.equal(driver.store.revision, 1);
  assert.equal(driver.range('a').header?.revision, 1);
  assert.equal(driver.put('a', '1').header?.revision, 2);
  assert.equal(driver.store.revision, 2);
});

test('every put makes a revision, even if it changes nothing that one could see', () => {
  const driver = new StoreDriver();
  driver.put('a', '1');
  assert.equal(driver.put('a', '1').header?.revision, 3);
  assert.equal(driver.get('a').version, 2);
});

test('a key knows the revisions of its creation and of its last change, and counts its versions', () => {
  const driver = new StoreDriver();
  driver.put('other');
  driver.put('a', '1');
  driver.put('a', '2');
  driver.put('other');
  driver.put('a', '3');
  const { createRevision, modRevision, version } = driver.get('a');
  assert.deepEqual(
    { createRevision, modRevision, version },
    { createRevision: 3, modRevision: 6, version: 3 },
  );
});

test('a key that is deleted and put again starts anew', () => {
  const driver = new StoreDriver();
  driver.put('a', '1');
  driver.put('a', '2');
  driver.delete('a');
  driver.put('a', '3');
  const { createRevision, modRevision, version } = driver.get('a');
  assert.deepEqual(
    { createRevision, modRevision, version },
    { createRevision: 5, modRevision: 5, version: 1 },
  );
});

test('a deletion makes one revision for all keys, and none if it deletes nothing', () => {
  const driver = new StoreDriver();
  driver.put('a');
  driver.put('b');
  driver.put('c');
  const deleted = driver.delete('a', 'c');
  assert.equal(deleted.deleted, 2);
  assert.equal(deleted.header?.revision, 5);
  const again = driver.delete('a', 'c');
  assert.equal(again.deleted, 0);
  assert.equal(again.header?.revision, 5);
  assert.equal(driver.store.revision, 5);
});

test('a transaction makes one revision if it changes something, and none otherwise', () => {
  const driver = new StoreDriver();
  const changing = driver.txn({ success: [operation.put('a'), operation.put('b'), operation.delete('x')] });
  assert.equal(changing.header?.revision, 2);
  assert.equal(driver.get('a').modRevision, 2);
  assert.equal(driver.get('b').modRevision, 2);
  assert.equal(driver.txn({ success: [operation.delete('x')] }).header?.revision, 2);
  assert.equal(driver.txn({ success: [operation.range('a')] }).header?.revision, 2);
  assert.equal(
    driver.txn({
      compare: [compare('a', 0, 0, { $case: 'version', version: 9 })],
      success: [operation.put('a')],
    }).header?.revision,
    2,
  );
  assert.equal(driver.store.revision, 2);
});

test('a refused command makes no revision', () => {
  const driver = new StoreDriver();
  assertRefused(() => driver.put('a', '', { ignoreValue: true }), 'key-not-found');
  assert.equal(driver.store.revision, 1);
});

test('an old revision shows the store as it was, under the current revision in the header', () => {
  const driver = new StoreDriver();
  driver.put('a', '1');
  driver.put('b', '1');
  driver.put('a', '2');
  driver.delete('b');
  driver.put('c', '1');
  assert.deepEqual(driver.keys('a', 'z', { revision: 1 }), []);
  assert.deepEqual(driver.keys('a', 'z', { revision: 2 }), ['a']);
  assert.deepEqual(driver.keys('a', 'z', { revision: 3 }), ['a', 'b']);
  assert.deepEqual(driver.keys('a', 'z', { revision: 5 }), ['a']);
  assert.equal(driver.value('a', 3), '1');
  assert.equal(driver.value('a', 4), '2');
  assert.equal(driver.range('a', '', { revision: 2 }).header?.revision, 6);
  assert.equal(driver.get('a', 3).version, 1);
});

test('revision 0 and those below it mean now', () => {
  const driver = new StoreDriver();
  driver.put('a', '1');
  driver.put('a', '2');
  assert.equal(driver.value('a', 0), '2');
  assert.equal(driver.value('a', -7), '2');
});

test('a revision that is not there yet is refused', () => {
  const driver = new StoreDriver();
  driver.put('a');
  assert.equal(driver.value('a', 2), '');
  assertRefused(() => driver.range('a', '', { revision: 3 }), 'future-revision');
});
