import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { LmdbEngine } from './engine/lmdb-engine.ts';
import { MemoryEngine } from './engine/memory-engine.ts';
import { SqliteEngine } from './engine/sqlite-engine.ts';
import { withDirectory } from './testing/engine-contract.ts';
import { type Happening, histories, HistoryRun, type Reopen, storeOptions } from './testing/history.ts';

/** A memory engine that is opened again is the same one: closing it loses nothing. */
function memory(): Reopen {
  const engine = new MemoryEngine();
  return () => engine;
}

test('a store on the memory engine does what the model does', async () => {
  await fc.assert(
    fc.asyncProperty(histories, storeOptions, async (history, options) => {
      await new HistoryRun(memory(), options).live(history);
    }),
    { numRuns: 300 },
  );
});

for (const [name, open] of [
  ['sqlite', (directory: string) => SqliteEngine.open({ directory })],
  ['lmdb', (directory: string) => LmdbEngine.open({ directory })],
] as const) {
  test(`a store on the ${name} engine does what the model does, and has the digest of one in memory`, async () => {
    await fc.assert(
      fc.asyncProperty(histories, storeOptions, async (history, options) => {
        const digest = await inDirectory(open, history, options);
        assert.equal(digest, await new HistoryRun(memory(), {}).live(history.filter(isCommand)));
      }),
      { numRuns: 25 },
    );
  });
}

async function inDirectory(
  open: (directory: string) => ReturnType<Reopen>,
  history: readonly Happening[],
  options: object,
): Promise<string> {
  let digest = '';
  await withDirectory(async (directory) => {
    digest = await new HistoryRun(() => open(path.join(directory, 'engine')), options).live(history);
  });
  return digest;
}

function isCommand(happening: Happening): boolean {
  return happening.type === 'commands';
}
