import { isReadOnlyTransaction, isSerializableTransaction, StoreError } from '@quorate/kv';
import {
  type CompactionRequest,
  type CompactionResponse,
  kvService,
  type TxnRequest,
  type TxnResponse,
} from '@quorate/protocol';
import { Pace } from '../platform/pace.ts';
import { type HandledMethod, serverStream, unary } from './api-method.ts';
import type { CallContext } from './call-context.ts';
import { replicaFailure } from './error-table.ts';
import { execute } from './execute.ts';
import { completeHeader, type Member } from './member.ts';
import { streamRange } from './range-stream.ts';

/** How much of a compaction is done before others get their turn, in records. */
const removalMaxRecords = 256;
/**
 * How long they have it at least. Removing is quick, but what it changes must all be written to the disk, where the
 * writes of the log would queue behind it: 25,000 records a second are about as many as etcd removes.
 */
const removalRestMs = 10;

/** etcd's KV service: reads, writes, transactions and compaction. */
export function kvMethods(member: Member): readonly HandledMethod[] {
  const { methods } = kvService;
  return [
    unary(methods.range, async (request, context) => {
      if (request.key.length === 0) throw new StoreError('key-not-provided');
      if (!request.serializable) await member.linearize(context);
      return completeHeader(member, member.store.range(request));
    }),
    serverStream(methods.rangeStream, (request, context) => streamRange(member, request, context)),
    unary(methods.put, async (request, context) => {
      const answer = await execute(member, { $case: 'put', put: request }, context);
      return completeHeader(member, answer.put);
    }),
    unary(methods.deleteRange, async (request, context) => {
      const answer = await execute(member, { $case: 'deleteRange', deleteRange: request }, context);
      return completeHeader(member, answer.deleteRange);
    }),
    unary(methods.txn, async (request, context) =>
      completeHeader(member, await transact(member, request, context)),
    ),
    unary(methods.compact, async (request, context) =>
      completeHeader(member, await compact(member, request, context)),
    ),
  ];
}

/** A transaction that only reads takes the path of reads, and costs no entry in the log. */
async function transact(member: Member, request: TxnRequest, context: CallContext): Promise<TxnResponse> {
  if (!isReadOnlyTransaction(request)) {
    return (await execute(member, { $case: 'txn', txn: request }, context)).txn;
  }
  if (!isSerializableTransaction(request)) await member.linearize(context);
  return member.store.readTransaction(request);
}

async function compact(
  member: Member,
  request: CompactionRequest,
  context: CallContext,
): Promise<CompactionResponse> {
  const answer = await execute(member, { $case: 'compaction', compaction: request }, context);
  if (request.physical) {
    const { clock, store } = member;
    const pace = new Pace(clock, { restMinMs: removalRestMs });
    for (let startedMs = clock.monotonicMs(); !store.removeCompacted(removalMaxRecords); ) {
      // The compaction is done by then; only its space is not free yet. That takes as long as the client allows.
      const isGivenUp = context.signal.aborted || clock.monotonicMs() >= context.patienceMs;
      if (isGivenUp) throw replicaFailure('unknown-outcome');
      await pace.restAfter(startedMs);
      startedMs = clock.monotonicMs();
    }
  }
  return answer.compaction;
}
