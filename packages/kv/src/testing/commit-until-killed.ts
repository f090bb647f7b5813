// Commits one batch after the other to an engine and reports each by a line, until someone kills the process.
// Arguments: the engine's name and its directory.
import { writeSync } from 'node:fs';
import type { Engine } from '../engine/engine.ts';
import { LmdbEngine } from '../engine/lmdb-engine.ts';
import { SqliteEngine } from '../engine/sqlite-engine.ts';
import { batchOf } from './engine-batches.ts';

const [, , name, directory = ''] = process.argv;
const engine: Engine = name === 'lmdb' ? LmdbEngine.open({ directory }) : SqliteEngine.open({ directory });

for (let position = 1; ; position += 3) {
  const last = position + 2;
  const content = new TextEncoder().encode(`${last}`);
  engine.commit(batchOf(position, 3, { facts: [{ name: 'last', content }] }));
  writeSync(1, `${last}\n`);
}
