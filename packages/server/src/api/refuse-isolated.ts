import {
  authService,
  clusterService,
  diagnosticsService,
  healthService,
  maintenanceService,
} from '@quorate/protocol';
import type { Replica } from '@quorate/replica';
import { replicaFailure } from './error-table.ts';
import type { Guard } from './guard.ts';

/** What operators need to find out about the member. All other services answer from its data. */
const operatorServices: readonly string[] = [
  authService,
  clusterService,
  diagnosticsService,
  healthService,
  maintenanceService,
].map(({ serviceName }) => `/${serviceName}/`);

/** Turns away every call that would be answered from data that is known to be wrong: those for operators still work. */
export function refuseIsolated(member: Pick<Replica, 'isIsolated'>): Guard {
  return ({ path }) => {
    if (member.isIsolated && !operatorServices.some((service) => path.startsWith(service))) {
      throw replicaFailure('corrupt');
    }
    return null;
  };
}
