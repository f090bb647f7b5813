import type { Replica } from '@quorate/replica';
import { replicaFailure } from './error-table.ts';
import type { Guard } from './guard.ts';

/** Turns away calls of clients that ask for a member with a leader (metadata `hasleader: true`), so that they try another. */
export function requireLeader(member: Pick<Replica, 'status'>): Guard {
  return ({ kind, context }) => {
    if (kind === 'stream-request') return null;
    if (context.metadata('hasleader') === 'true' && member.status().leader === null) {
      throw replicaFailure('no-leader');
    }
    return null;
  };
}
