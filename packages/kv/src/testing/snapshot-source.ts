import type { StoreSnapshot } from '../store-snapshot.ts';

/** Chunks as they come out of a file. */
export async function* asSource(chunks: Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for (const chunk of chunks) {
    // Whoever keeps a part of a chunk would keep what the next one overwrites.
    const lent = chunk.slice();
    yield lent;
    lent.fill(0xa5);
  }
}

export async function noPause(): Promise<void> {
  await Promise.resolve();
}

/** Reads all of a snapshot, and closes it. */
export function chunksOf(snapshot: StoreSnapshot): readonly Uint8Array[] {
  try {
    return [...snapshot.chunks()];
  } finally {
    snapshot.close();
  }
}
