import { maintenanceService, SnapshotResponse } from '@quorate/protocol';
import type { Caller } from './caller.ts';
import type { Route } from './endpoint-set.ts';
import { QuorateError } from './quorate-error.ts';

/** A piece of a snapshot. */
export type SnapshotPart = {
  readonly bytes: Uint8Array;
  /** About how many follow; 0 with the last piece. */
  readonly remainingBytes: number;
  /** What the snapshot is of. */
  readonly revision: number;
};

/**
 * Streams a snapshot of one member. Nothing is tried again: a snapshot begins anew or not at all. Pieces are
 * fetched as they are taken. Throws a QuorateError.
 */
export async function* readSnapshot(
  caller: Caller,
  route: Route,
  signal: AbortSignal,
): AsyncGenerator<SnapshotPart, void, undefined> {
  const { path, request } = maintenanceService.methods.snapshot;
  const { stream, failure } = await caller.openStreamAt(route, path, signal, false);
  if (stream === null) throw failure.error;
  const cancel = (): void => stream.cancel();
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  stream.send(request.encode({}).finish());
  stream.end();
  const messages = stream.messages();
  let isComplete = false;
  try {
    for (let next = await messages.next(); ; next = await messages.next()) {
      if (next.done === true) {
        if (signal.aborted) throw new QuorateError('cancelled', 'the call was cancelled');
        if (next.value !== null) throw caller.streamFailed(route, next.value).error;
        if (!isComplete) throw cutShort(route);
        return;
      }
      const { blob, remainingBytes, header } = decode(next.value, route);
      isComplete = remainingBytes === 0;
      yield { bytes: blob, remainingBytes, revision: header?.revision ?? 0 };
    }
  } finally {
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

function decode(bytes: Uint8Array, route: Route): SnapshotResponse {
  try {
    return SnapshotResponse.decode(bytes);
  } catch (cause) {
    const { address } = route.endpoint;
    const message = `${address} answered with a malformed message`;
    throw new QuorateError('server-error', message, { endpoint: address, cause });
  }
}

function cutShort({ endpoint }: Route): QuorateError {
  const message = `${endpoint.address} ended the snapshot before it was complete`;
  return new QuorateError('server-error', message, { endpoint: endpoint.address });
}
