import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../testing/engine-batches.ts';
import { engineContract } from '../testing/engine-contract.ts';
import { MemoryEngine } from './memory-engine.ts';

engineContract({ name: 'memory', isPersistent: false, open: () => new MemoryEngine() });

test('memory is given back when half of what was committed together is removed', () => {
  const engine = new MemoryEngine();
  engine.commit(batchOf(1, 3000));
  const before = engine.size().totalBytes;
  const view = engine.openView();
  for (let position = 1; position <= 3000; position++) {
    if (position % 10 !== 0) engine.commit(batchOf(3001, 0, { removedPositions: [position] }));
  }
  const { totalBytes, inUseBytes } = engine.size();
  assert.ok(totalBytes <= inUseBytes * 2 && totalBytes < before / 4, `${totalBytes} of ${before} bytes`);
  for (let position = 10; position <= 3000; position += 10) {
    assert.equal(new TextDecoder().decode(engine.read(position)?.header.subarray(2)), `${position}`);
  }
  assert.deepEqual(
    [...view.records()].map(({ header }) => new TextDecoder().decode(header.subarray(2))),
    Array.from({ length: 3000 }, (_, index) => `${index + 1}`),
  );
});

test('a removed record is gone for good, and memory with it', () => {
  const engine = new MemoryEngine();
  engine.commit(batchOf(1, 5));
  engine.commit(batchOf(6, 0, { removedPositions: [1, 2, 3, 4, 5] }));
  engine.commit(batchOf(6, 0, { removedPositions: [1, 2, 3, 4, 5] }));
  assert.deepEqual(engine.size(), { totalBytes: 0, inUseBytes: 0 });
});
