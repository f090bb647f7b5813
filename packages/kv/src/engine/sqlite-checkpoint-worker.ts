// Copies what is in SQLite's write-ahead log into the database file, in a thread of its own: the flushes to the
// disk that this takes would otherwise stop the event loop. Each request but `close` is answered.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** `truncate` cuts a log that has been copied wholly to nothing, if nobody reads it. `close` ends the thread. */
export type CheckpointRequest = 'checkpoint' | 'truncate' | 'close';

/** The answer, when what there was is copied. */
export type Checkpointed = {
  /** The length of the log. */
  readonly logPages: number;
};

assert(parentPort !== null && typeof workerData === 'string', 'this file is the script of a worker');
const port = parentPort;
const database = new DatabaseSync(workerData, { timeout: 5000 });
database.exec('PRAGMA synchronous = NORMAL');
// From here on it takes what nobody is in the way of, and waits for nobody.
database.exec('PRAGMA busy_timeout = 0');
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
const truncate = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)');

port.on('message', (request: CheckpointRequest) => {
  if (request === 'close') {
    database.close();
    port.close();
    return;
  }
  const statement = request === 'truncate' ? truncate : checkpoint;
  const answer: Checkpointed = { logPages: Number(statement.get()?.['log']) };
  port.postMessage(answer);
});
