import type { Store } from '@quorate/kv';
import type { MemberId } from '@quorate/raft';
import { digestRecords } from './digest-records.ts';
import type { Membership } from './membership.ts';
import type { PeerRequest, PeerResponse } from './peer-call.ts';
import type { LeaseService } from './leases/lease-service.ts';
import type { Clock } from './ports.ts';
import type { Snapshots } from './snapshot/snapshots.ts';

/** What a member needs to answer its peers. */
export type PeerServiceParts = {
  readonly clock: Clock;
  /** The release that this member runs. */
  readonly version: string;
  readonly store: Pick<Store, 'openDigest' | 'nextPosition' | 'compactedRevision'>;
  /** Aborted when the member stops: then nothing touches the store any more. */
  readonly stopping: AbortSignal;
  readonly membership: Pick<Membership, 'changeHere'>;
  /** How long what a peer asks for may take, in milliseconds: the peer gives up by itself, and says nothing. */
  readonly timeoutMs: number;
  readonly leases: Pick<LeaseService, 'renewForPeer' | 'remainingForPeer'>;
  readonly snapshots: Snapshots;
};

/** How long computing a checksum may take. The caller waits no longer either. */
const digestMs = 5_000;

/** Answers what peers ask. What it rejects with becomes a refusal, with the error's code. */
export class PeerService {
  private readonly parts: PeerServiceParts;

  constructor(parts: PeerServiceParts) {
    this.parts = parts;
  }

  async answer(from: MemberId, request: PeerRequest): Promise<PeerResponse> {
    const { clock, version, leases, snapshots, timeoutMs } = this.parts;
    const call = { deadlineMs: clock.monotonicMs() + timeoutMs };
    switch (request.type) {
      case 'digest':
        return { type: 'digest', digest: await this.digest(request) };
      case 'ping':
        return { type: 'ping', wallMs: Math.floor(clock.wallMs()), version };
      case 'change-membership': {
        const outcome = await this.parts.membership.changeHere(request.changes, call);
        return { type: 'change-membership', outcome };
      }
      case 'renew-lease':
        return { type: 'renew-lease', ttlSeconds: await leases.renewForPeer(request.id, call) };
      case 'lease-remaining':
        return {
          type: 'lease-remaining',
          remainingMs: await leases.remainingForPeer(request.id, call),
        };
      case 'snapshot-open':
        return { type: 'snapshot-open', ...(await snapshots.open(from, request.index)) };
      case 'snapshot-read': {
        const { digest, offset, maxBytes } = request;
        return { type: 'snapshot-read', bytes: await snapshots.read(from, digest, offset, maxBytes) };
      }
    }
  }

  private async digest(
    request: Extract<PeerRequest, { readonly type: 'digest' }>,
  ): Promise<{ crc: number; records: number } | null> {
    const { store, clock, stopping } = this.parts;
    const { firstPosition, lastPosition, compactedRevision } = request;
    if (lastPosition >= store.nextPosition || store.compactedRevision !== compactedRevision) return null;
    const digest = await digestRecords(
      this.parts,
      { firstPosition, lastPosition, throughRevision: Infinity },
      Infinity,
      { deadlineMs: clock.monotonicMs() + digestMs, signal: stopping },
    );
    const { crc, records } = digest;
    return digest.compactedRevision === compactedRevision ? { crc, records } : null;
  }
}
