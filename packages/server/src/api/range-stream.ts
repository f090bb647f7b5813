import {
  type KeyValue,
  type RangeRequest,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
  type RangeStreamResponse,
} from '@quorate/protocol';
import { ApiError } from './api-error.ts';
import { completeHeader, type Member } from './member.ts';
import type { StreamContext } from './stream-context.ts';

/** The most keys in one part of the answer. Values make parts larger; a store of large values has few keys. */
const partMaxKeys = 256;

/**
 * Answers a range in parts, all of the revision that the first one was read at. Memory is bounded by one part,
 * and others get their turn between two. Only the last part has a header and a count. Whatever cannot be
 * answered in the order of the keys is refused, as etcd does: clients then fall back on Range.
 */
export async function* streamRange(
  member: Member,
  request: RangeRequest,
  context: StreamContext,
): AsyncGenerator<RangeStreamResponse> {
  refuseUnordered(request);
  if (!request.serializable) await member.linearize(context.call());
  let key = request.key;
  let sent = 0;
  let pinned: { readonly revision: number; readonly count: number } | null = null;
  for (;;) {
    const wanted = request.limit > 0 ? Math.min(partMaxKeys, request.limit - sent) : partMaxKeys;
    const revision = pinned?.revision ?? request.revision;
    const part = member.store.range({ ...request, key, revision, limit: wanted });
    pinned ??= {
      revision: request.revision > 0 ? request.revision : member.store.revision,
      count: part.count,
    };
    sent += part.kvs.length;
    const last = part.kvs.at(-1);
    const limitReached = request.limit > 0 && sent >= request.limit;
    if (!part.more || limitReached || last === undefined) {
      yield { rangeResponse: completeHeader(member, { ...part, count: pinned.count }) };
      return;
    }
    yield { rangeResponse: { header: undefined, kvs: part.kvs, more: true, count: 0 } };
    if (context.signal.aborted) return;
    key = keyAfter(last);
  }
}

function refuseUnordered(request: RangeRequest): void {
  const sorted =
    request.sortTarget !== SortTarget.KEY ||
    (request.sortOrder !== SortOrder.NONE && request.sortOrder !== SortOrder.ASCEND);
  const filtered =
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0;
  if (sorted || filtered) {
    const message = 'RangeStream answers in the order of the keys and without bounds of revisions; use Range';
    throw new ApiError('unimplemented', message, 'none');
  }
}

/** The smallest key that is greater. */
function keyAfter(keyValue: KeyValue): Uint8Array {
  const next = new Uint8Array(keyValue.key.length + 1);
  next.set(keyValue.key);
  return next;
}
