import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Engine, EngineBatch } from '@quorate/kv';
import { Life } from '../host/life.ts';
import { Kernel } from '../kernel/kernel.ts';
import { streamOf } from '../kernel/random-stream.ts';
import { durableMemoryMedium, EngineHost, volatileMedium } from './engine-host.ts';

function batch(position: number): EngineBatch {
  const record = { position, header: Uint8Array.of(position), value: new Uint8Array(0) };
  return { records: [record], removedPositions: [], facts: [], removedFacts: [] };
}

/** The positions that an engine has, which must be 1, 2, 3 and so on. */
function count(engine: Engine): number {
  const positions = [...engine.openView().records()].map((record) => record.position);
  assert.deepEqual(
    positions,
    positions.map((_, index) => index + 1),
    'what is lost is lost from the end',
  );
  return positions.length;
}

function startProcess(host: EngineHost): { readonly life: Life; readonly engine: Engine } {
  const life = new Life(new Kernel());
  return { life, engine: host.open(life) };
}

describe('the engine of a host', () => {
  test('keeps what was committed when the process dies, if it is persistent', () => {
    for (const medium of [durableMemoryMedium(), volatileMedium()]) {
      const host = new EngineHost(medium, streamOf(1, 'engine'));
      const { life, engine } = startProcess(host);
      engine.commit(batch(1));
      engine.commit(batch(2));
      life.kill();
      host.processDied();
      assert.equal(count(startProcess(host).engine), medium.isPersistent ? 2 : 0);
    }
  });

  test('loses the latest commits in a power loss: none, some, or all, but none that was synced', async () => {
    const left = new Set<number>();
    for (let seed = 0; seed < 40; seed += 1) {
      const host = new EngineHost(durableMemoryMedium(), streamOf(seed, 'engine'));
      const { life, engine } = startProcess(host);
      engine.commit(batch(1));
      await engine.sync();
      for (const position of [2, 3, 4]) {
        engine.commit(batch(position));
      }
      life.kill();
      host.processDied();
      const lost = host.losePower();
      const kept = count(startProcess(host).engine);
      assert.equal(kept, 4 - lost);
      left.add(kept);
    }
    assert.deepEqual(
      [...left].toSorted((one, other) => one - other),
      [1, 2, 3, 4],
    );
  });

  test('takes nothing from a dead process', () => {
    const host = new EngineHost(durableMemoryMedium(), streamOf(1, 'engine'));
    const { life, engine } = startProcess(host);
    engine.commit(batch(1));
    life.kill();
    engine.commit(batch(2));
    host.processDied();
    assert.equal(count(startProcess(host).engine), 1);
  });

  test('can fail, and then has committed nothing', () => {
    const host = new EngineHost(durableMemoryMedium(), streamOf(1, 'engine'));
    const { engine } = startProcess(host);
    host.failingCommits = 1;
    assert.throws(() => engine.commit(batch(1)), { name: 'EngineError' });
    assert.equal(count(engine), 0);
  });
});
