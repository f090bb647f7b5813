import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from './engine/engine-error.ts';
import { decodeState, encodeState, initialState, type StoreState } from './store-state.ts';

const state: StoreState = {
  appliedIndex: Number.MAX_SAFE_INTEGER,
  appliedTerm: 2,
  revision: 3,
  compactedRevision: 4,
  removedRevision: 5,
  nextPosition: 2 ** 40,
};

test('the state is read as it was written, and is that of an empty store if there is none', () => {
  assert.deepEqual(decodeState([{ name: 'other', content: new Uint8Array(3) }, encodeState(state)]), state);
  assert.deepEqual(decodeState([]), initialState);
});

test('a state of a later format, or one that nobody wrote, is a clear error', () => {
  const changed = (change: (view: DataView) => void, length = 52): (() => unknown) => {
    const { name, content } = encodeState(state);
    change(new DataView(content.buffer));
    return () => decodeState([{ name, content: content.subarray(0, length) }]);
  };
  const hasCode = (code: string) => (error: unknown) => error instanceof EngineError && error.code === code;
  assert.throws(
    changed((view) => view.setUint32(0, 2, true)),
    hasCode('newer-format'),
  );
  assert.throws(
    changed((view) => view.setUint32(0, 0, true)),
    hasCode('damaged'),
  );
  assert.throws(
    changed((view) => view.setFloat64(20, 1.5, true)),
    hasCode('damaged'),
  );
  assert.throws(
    changed((view) => view.setFloat64(4, -1, true)),
    hasCode('damaged'),
  );
  assert.throws(
    changed((view) => view.setFloat64(44, Number.NaN, true)),
    hasCode('damaged'),
  );
  assert.throws(
    changed(() => undefined, 51),
    hasCode('damaged'),
  );
  assert.throws(
    changed(() => undefined, 3),
    hasCode('damaged'),
  );
});
