import type {
  CheckpointLeases,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseRevokeResponse,
  PutResponse,
  PutWithTtl,
  RevokeLease,
} from '@quorate/protocol';
import { responseHeader } from './response-header.ts';
import { StoreError } from './store-error.ts';
import type { VersionedMap } from './versioned-map.ts';
import { checkPutTo, executePut } from './write.ts';

/** Throws `lease-exists`. */
export function executeGrant(map: VersionedMap, { ID, TTL }: LeaseGrantRequest): LeaseGrantResponse {
  map.leases.grant(ID, TTL);
  return { header: responseHeader(map.revision), ID, TTL, error: '' };
}

/**
 * Ends a lease: its keys are deleted in their order, all in one revision. Throws `lease-not-found`.
 *
 * What a leader decides by its clock counts only in the log of its own term. Otherwise the decision of a deposed
 * leader, which its member proposes once more to the new one, could end a lease that has been kept alive since.
 */
export function executeRevoke(
  map: VersionedMap,
  { id, expiredInTerm }: RevokeLease,
  term: number,
): LeaseRevokeResponse {
  if (expiredInTerm === 0 || expiredInTerm === term) {
    const lease = map.leases.get(id);
    if (lease === undefined) {
      throw new StoreError('lease-not-found');
    }
    map.deleteKeys([...lease.keys].sort());
    map.leases.remove(id);
  }
  return { header: responseHeader(map.revision) };
}

/** Counts in the log of its own term only: what a deposed leader has measured may have been renewed since. */
export function executeCheckpoint(map: VersionedMap, checkpoint: CheckpointLeases, term: number): void {
  if (checkpoint.term === term) {
    for (const { id, remainingMs } of checkpoint.leases) {
      map.leases.checkpoint(id, remainingMs);
    }
  }
}

/** Throws `lease-exists`, `key-not-found`; then nothing is changed. */
export function executePutWithTtl(map: VersionedMap, { put, ttl }: Required<PutWithTtl>): PutResponse {
  if (put === undefined) {
    throw new StoreError('key-not-provided');
  }
  checkPutTo(map, put);
  map.leases.grant(put.lease, ttl);
  return executePut(map, put);
}
