import type { ResponseHeader } from '@quorate/protocol';
import type { Member } from '../member.ts';
import type { OwnershipQueue, Place } from './ownership-queue.ts';
import type { Waiting } from './waiting.ts';

/** How long a lease lasts that is granted for a caller who has none, in seconds: nobody keeps it alive. As etcd. */
const strayLeaseTtlSeconds = 60;

/** The caller's lease, or a new one if it names none. */
export async function leaseOrNew(member: Member, lease: bigint, waiting: Waiting): Promise<bigint> {
  return lease === 0n ? (await member.leases.grant(0n, strayLeaseTtlSeconds, waiting.piece())).ID : lease;
}

/**
 * Waits until a place is the first, and gives it up if that fails: nobody else could. Only when the server stops the
 * place is kept, for the client to ask another member for it.
 */
export async function holdPlace(
  queue: OwnershipQueue,
  place: Place,
  waiting: Waiting,
): Promise<ResponseHeader | undefined> {
  try {
    return await queue.awaitTurn(place, waiting);
  } catch (error) {
    const isKept = waiting.failure?.status === 'unavailable';
    // What keeps it from being given up is told by the lease's end, and by nothing else: the first error counts.
    if (!isKept) await queue.leave(place, waiting.wholePiece()).catch(() => undefined);
    throw waiting.failure ?? error;
  }
}
