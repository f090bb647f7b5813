import { DeleteRangeRequest, type LockRequest, type LockResponse, lockService } from '@quorate/protocol';
import { type HandledMethod, unary } from '../api-method.ts';
import type { CallContext } from '../call-context.ts';
import { execute } from '../execute.ts';
import { completeHeader, type Member } from '../member.ts';
import { OwnershipQueue } from './ownership-queue.ts';
import { holdPlace, leaseOrNew } from './hold-place.ts';
import { Waiting } from './waiting.ts';

/** etcd's Lock service. Calls that wait are told `stopped` when `stopping` is aborted, and keep their place. */
export function lockMethods(member: Member, stopping: AbortSignal): readonly HandledMethod[] {
  return [
    unary(lockService.methods.lock, async (request, context) => lock(member, request, context, stopping)),
    unary(lockService.methods.unlock, async ({ key }, context) => {
      const deleteRange = DeleteRangeRequest.create({ key });
      const answer = await execute(member, { $case: 'deleteRange', deleteRange }, context);
      return { header: completeHeader(member, answer.deleteRange).header };
    }),
  ];
}

async function lock(
  member: Member,
  { name, lease }: LockRequest,
  context: CallContext,
  stopping: AbortSignal,
): Promise<LockResponse> {
  const waiting = new Waiting(member, context, stopping);
  try {
    const queue = new OwnershipQueue(member, name, 'session-expired');
    const owner = await leaseOrNew(member, lease, waiting);
    const place = await queue.enter(owner, new Uint8Array(0), waiting.wholePiece());
    const header = await holdPlace(queue, place, waiting);
    return { header, key: place.key };
  } finally {
    waiting.close();
  }
}
