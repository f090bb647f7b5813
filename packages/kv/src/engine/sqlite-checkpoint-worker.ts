// Copies what is in SQLite's write-ahead log into the database file, in a thread of its own: the flushes to the
// disk that this takes would otherwise stop the event loop. Each message asks for it once, and is answered.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** The answer, when what there was is copied. */
export type Checkpointed = {
  /** The length of the log. */
  readonly logPages: number;
};

assert(parentPort !== null && typeof workerData === 'string', 'this file is the script of a worker');
const port = parentPort;
const database = new DatabaseSync(workerData, { timeout: 5000 });
database.exec('PRAGMA synchronous = NORMAL');
// Takes what nobody is in the way of, and waits for nobody.
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');

/** `close` ends the thread; anything else asks for a checkpoint. */
port.on('message', (message: unknown) => {
  if (message === 'close') {
    database.close();
    port.close();
    return;
  }
  checkpoint.run();
  // Commits went on meanwhile. The log starts again from its beginning only when all of it has been copied, so
  // the rest, which is little, is copied at once.
  const answer: Checkpointed = { logPages: Number(checkpoint.get()?.['log']) };
  port.postMessage(answer);
});
