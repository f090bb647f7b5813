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

test('positions may lie as far from each other as there are numbers', () => {
  const engine = new MemoryEngine();
  const positions = [1, 2 ** 32, 2 ** 32 + 1, 2 ** 33 + 1, 2 ** 52];
  for (const position of positions) engine.commit(batchOf(position, 1));
  assert.deepEqual(
    engine.readFrom(2, 10).map(({ position }) => position),
    positions.slice(1),
  );
  engine.commit(batchOf(1, 0, { removedPositions: [2 ** 32, 2 ** 52] }));
  assert.deepEqual(
    positions.map((position) => engine.read(position) !== null),
    [true, false, true, true, false],
  );
});

test('lower positions come again when the records at the end are removed', () => {
  const engine = new MemoryEngine();
  engine.commit(batchOf(1, 5000));
  engine.commit(
    batchOf(1, 0, { removedPositions: Array.from({ length: 2000 }, (_, index) => 3001 + index) }),
  );
  engine.commit(batchOf(3001, 10));
  assert.deepEqual(
    engine.readFrom(2999, 100).map(({ position }) => position),
    Array.from({ length: 12 }, (_, index) => 2999 + index),
  );
});
