import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AlarmMember, AlarmRequest_AlarmAction as AlarmAction, AlarmType } from '@quorate/protocol';
import { MemoryEngine } from './engine/memory-engine.ts';
import { Store } from './store.ts';
import { assertRefused } from './testing/assert-refused.ts';
import { operation, StoreDriver } from './testing/store-driver.ts';

function ask(
  driver: StoreDriver,
  action: AlarmAction,
  alarm: AlarmType,
  memberID = 0n,
): readonly AlarmMember[] {
  const response = driver.execute({ $case: 'alarm', alarm: { action, alarm, memberID } });
  assert.equal(response.$case, 'alarm');
  return response.alarm.alarms;
}

const { ACTIVATE, DEACTIVATE, GET } = AlarmAction;
const { NONE, NOSPACE, CORRUPT } = AlarmType;

describe('alarms', () => {
  test('are raised once, listed by type and member, and cleared one by one', () => {
    const driver = new StoreDriver();
    assert.deepEqual(ask(driver, ACTIVATE, CORRUPT, 2n), [{ memberID: 2n, alarm: CORRUPT }]);
    ask(driver, ACTIVATE, NOSPACE, 3n);
    ask(driver, ACTIVATE, NOSPACE, 1n);
    assert.deepEqual(ask(driver, ACTIVATE, NOSPACE, 1n), [{ memberID: 1n, alarm: NOSPACE }]);
    const all = [
      { memberID: 1n, alarm: NOSPACE },
      { memberID: 3n, alarm: NOSPACE },
      { memberID: 2n, alarm: CORRUPT },
    ];
    assert.deepEqual(ask(driver, GET, NONE), all);
    assert.deepEqual(driver.store.alarms(), all);
    assert.deepEqual(ask(driver, GET, CORRUPT), all.slice(2));
    assert.deepEqual(ask(driver, DEACTIVATE, NOSPACE, 2n), []);
    assert.deepEqual(ask(driver, DEACTIVATE, NOSPACE, 3n), all.slice(1, 2));
    assert.deepEqual(ask(driver, GET, NONE), [all[0], all[2]]);
  });

  test('member 0 clears those of every member', () => {
    const driver = new StoreDriver();
    ask(driver, ACTIVATE, NOSPACE, 1n);
    ask(driver, ACTIVATE, NOSPACE, 2n);
    assert.equal(ask(driver, DEACTIVATE, NOSPACE).length, 2);
    assert.deepEqual(driver.store.alarms(), []);
  });

  test('outlive the store, and so does that there are none any more', async () => {
    const engine = new MemoryEngine();
    const driver = new StoreDriver(Store.open(engine));
    ask(driver, ACTIVATE, NOSPACE, 5n);
    await driver.store.close();
    const second = new StoreDriver(Store.open(engine));
    assert.deepEqual(second.store.alarms(), [{ memberID: 5n, alarm: NOSPACE }]);
    ask(second, DEACTIVATE, NOSPACE, 5n);
    await second.store.close();
    assert.deepEqual(Store.open(engine).alarms(), []);
  });

  test('of a type or with an action that is none are refused, and so are too many', () => {
    const driver = new StoreDriver();
    assertRefused(() => ask(driver, ACTIVATE, 9 as AlarmType), 'invalid-alarm');
    assertRefused(() => ask(driver, 9 as AlarmAction, NOSPACE), 'invalid-alarm');
    for (let member = 1n; member <= 1024n; member += 1n) ask(driver, ACTIVATE, NOSPACE, member);
    assertRefused(() => ask(driver, ACTIVATE, NOSPACE, 5000n), 'invalid-alarm');
    assert.equal(driver.store.alarms().length, 1024);
  });
});

test('without space only what takes none is executed, whoever validated it', () => {
  const driver = new StoreDriver();
  driver.put('a', 'old');
  ask(driver, ACTIVATE, NOSPACE, 1n);
  assertRefused(() => driver.put('b'), 'no-space');
  assertRefused(() => driver.txn({ success: [operation.put('b')] }), 'no-space');
  const nested = operation.txn({ failure: [operation.put('b')] });
  assertRefused(() => driver.txn({ success: [nested] }), 'no-space');
  const put = operation.put('b').request;
  assert.equal(put?.$case, 'requestPut');
  assertRefused(() => driver.apply({ $case: 'put', put: put.requestPut }), 'no-space');
  assert.equal(driver.store.revision, 2);

  assert.equal(driver.value('a'), 'old');
  assert.equal(driver.txn({ success: [operation.delete('a')] }).responses.length, 1);
  assert.equal(driver.delete('a').deleted, 0);
  driver.compact(3);
  ask(driver, DEACTIVATE, NOSPACE, 1n);
  driver.put('b', 'new');
  assert.equal(driver.value('b'), 'new');
});
