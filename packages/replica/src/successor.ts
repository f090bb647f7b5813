import type { MemberId, RaftStatus } from '@quorate/raft';

/**
 * To whom a leader hands over: of those who may and are active, the one with the longest log, because it is
 * ready soonest (dissertation, section 3.10); the lowest id of several. Null if there is none.
 */
export function chooseSuccessor(
  { peers }: Pick<RaftStatus, 'peers'>,
  candidates: readonly MemberId[],
  isActive: (id: MemberId) => boolean,
): MemberId | null {
  let best: (typeof peers)[number] | null = null;
  for (const peer of peers) {
    const mayLead = candidates.includes(peer.id) && isActive(peer.id) && peer.state !== 'snapshot';
    if (mayLead && (best === null || peer.match > best.match)) {
      best = peer;
    }
  }
  return best?.id ?? null;
}
