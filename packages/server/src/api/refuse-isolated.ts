import {
  electionService,
  expiringService,
  kvService,
  leaseService,
  lockService,
  watchService,
} from '@quorate/protocol';
import type { Replica } from '@quorate/replica';
import { replicaFailure } from './error-table.ts';
import type { Guard } from './guard.ts';

const dataServices: readonly string[] = [
  kvService,
  leaseService,
  watchService,
  lockService,
  electionService,
  expiringService,
].map(({ serviceName }) => `/${serviceName}/`);

/** Turns away every call that would be answered from data that is known to be wrong: those for operators still work. */
export function refuseIsolated(member: Pick<Replica, 'isIsolated'>): Guard {
  return ({ path }) => {
    if (member.isIsolated && dataServices.some((service) => path.startsWith(service))) {
      throw replicaFailure('corrupt');
    }
    return null;
  };
}
