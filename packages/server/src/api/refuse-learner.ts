import { healthService, kvService, maintenanceService, type RangeRequest } from '@quorate/protocol';
import { isVoter } from '@quorate/raft';
import type { Replica } from '@quorate/replica';
import { replicaFailure } from './error-table.ts';
import type { Guard } from './guard.ts';

const always: ReadonlySet<string> = new Set(
  [
    ...Object.values(healthService.methods),
    maintenanceService.methods.status,
    maintenanceService.methods.snapshot,
  ].map(({ path }) => path),
);
const rangePath = kvService.methods.range.path;

/**
 * Turns away what a member without a vote does not serve, as etcd's do: it may lag for long, and clients shall not
 * depend on it. What it does serve: its status, its health, a snapshot, and reads that may be stale.
 */
export function refuseLearner(member: Pick<Replica, 'status'>): Guard {
  return (call) => {
    if (always.has(call.path)) return null;
    if (call.path === rangePath && (call.request as RangeRequest).serializable) return null;
    const { configuration, memberId } = member.status();
    if (isVoter(configuration, memberId)) return null;
    throw replicaFailure('learner');
  };
}
