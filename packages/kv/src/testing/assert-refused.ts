import assert from 'node:assert/strict';
import { StoreError, type StoreErrorCode } from '../store-error.ts';

/** Asserts that `work` throws a StoreError with this code. */
export function assertRefused(work: () => unknown, code: StoreErrorCode): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}
