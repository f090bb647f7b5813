import { type Bytes, toBytes } from './bytes.ts';
import type { CallOptions } from './caller.ts';
import type { KeyValue } from './key-value.ts';
import { type Operation, operation } from './operation.ts';
import { QuorateError } from './quorate-error.ts';
import type { ReadOptions } from './read-options.ts';
import type { TransactionResult } from './transaction.ts';

/** Operations that a cluster takes in one transaction, unless it is configured otherwise. */
export const transactionOperationsMax = 128;

/** Bytes of keys and values put into one transaction of a chunked `putMany`: well below the request limit. */
const chunkMaxBytes = 1024 * 1024;

export type ManyOptions = CallOptions & {
  /**
   * Allow more than 128 operations, by several requests in a row. For `putMany` this gives up atomicity: each
   * request is all or nothing, but readers may see some before others, and after a failure the entries before
   * it stay written (`QuorateError.completed` tells how many are known to be). For `getMany` the result is
   * still one snapshot, as later requests read at the revision of the first. `timeoutMs` holds for each
   * request. Default false.
   */
  readonly chunked?: boolean;
};

/** Commits operations as one transaction. */
export type Commit = (operations: readonly Operation[], options: CallOptions) => Promise<TransactionResult>;

/** Writes entries in order. Returns the revision of the last transaction, 0 if there was nothing to write. */
export async function putMany(
  commit: Commit,
  entries: Iterable<readonly [Bytes, Bytes]>,
  options: ManyOptions,
): Promise<{ revision: number }> {
  const list = [...entries].map(([key, value]) => ({ key: toBytes(key), value: toBytes(value) }));
  if (options.chunked !== true) checkCount(list.length);
  let revision = 0;
  let completed = 0;
  for (const chunk of chunksOf(list, options.chunked === true)) {
    try {
      const puts = chunk.map(({ key, value }) => operation.put(key, value));
      ({ revision } = await commit(puts, options));
    } catch (error) {
      throw completed > 0 && error instanceof QuorateError
        ? withCompleted(error, completed, list.length)
        : error;
    }
    completed += chunk.length;
  }
  return { revision };
}

/** Reads keys as of one revision: for each the entry, or null if there is none, in the order of the keys. */
export async function getMany(
  commit: Commit,
  keys: Iterable<Bytes>,
  options: ManyOptions & ReadOptions,
): Promise<(KeyValue | null)[]> {
  const list = [...keys].map(toBytes);
  if (options.chunked !== true) checkCount(list.length);
  const found: (KeyValue | null)[] = [];
  let revision = options.revision ?? 0;
  for (let start = 0; start < list.length; start += transactionOperationsMax) {
    const read = { revision, serializable: options.serializable ?? false };
    const gets = list.slice(start, start + transactionOperationsMax).map((key) => operation.get(key, read));
    const result = await commit(gets, options);
    if (revision === 0) revision = result.revision;
    for (const each of result.results) found.push(each.kind === 'range' ? (each.items[0] ?? null) : null);
  }
  return found;
}

type Entry = { readonly key: Uint8Array; readonly value: Uint8Array };

/** Cuts entries into transactions. An entry that is too large alone is left for the cluster to refuse. */
function* chunksOf(entries: readonly Entry[], mayCut: boolean): Generator<readonly Entry[]> {
  let chunk: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.key.length + entry.value.length;
    const isFull = chunk.length === transactionOperationsMax || bytes + size > chunkMaxBytes;
    if (mayCut && chunk.length > 0 && isFull) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(entry);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

function checkCount(count: number): void {
  if (count <= transactionOperationsMax) return;
  const message = `${count} operations; one transaction takes at most ${transactionOperationsMax}`;
  throw new QuorateError('too-many-operations', message);
}

function withCompleted(error: QuorateError, completed: number, total: number): QuorateError {
  return new QuorateError(error.code, `${error.message} (after ${completed} of ${total} entries)`, {
    outcome: error.outcome,
    ...(error.grpcCode === null ? {} : { grpcCode: error.grpcCode }),
    ...(error.endpoint === null ? {} : { endpoint: error.endpoint }),
    completed,
    cause: error,
  });
}
