import {
  authService,
  clusterService,
  diagnosticsService,
  electionService,
  expiringService,
  healthService,
  kvService,
  leaseService,
  lockService,
  maintenanceService,
  type MethodDescription,
  watchService,
} from '@quorate/protocol';
import type { ApiMethod } from './api-method.ts';
import { type BindOptions, bindMethod } from './bind-method.ts';
import { electionMethods } from './concurrency/election-methods.ts';
import { lockMethods } from './concurrency/lock-methods.ts';
import { clusterMethods } from './cluster-methods.ts';
import { diagnosticsMethods } from './diagnostics-methods.ts';
import { hashMethods } from './hash-methods.ts';
import type { Diagnosis } from '../diagnosis/diagnosis.ts';
import type { HealthMethods } from './health-methods.ts';
import { kvMethods } from './kv-methods.ts';
import { leaseMethods } from './lease-methods.ts';
import { maintenanceMethods } from './maintenance-methods.ts';
import { snapshotMethods } from './snapshot-methods.ts';
import type { Member } from './member.ts';
import { watchMethods } from './watch/watch-methods.ts';
import type { WatchSettings } from './watch/watch-session.ts';

export type ApiOptions = BindOptions & {
  readonly member: Member;
  readonly health: HealthMethods;
  readonly watch: WatchSettings;
  /** Aborted when the server stops: calls that wait for somebody else are told so. */
  readonly stopping: AbortSignal;
  readonly diagnosis: Pick<Diagnosis, 'make'>;
};

const services = [
  kvService,
  watchService,
  leaseService,
  clusterService,
  maintenanceService,
  authService,
  lockService,
  electionService,
  expiringService,
  diagnosticsService,
  healthService,
];

/** The names of all services, built or not. */
export const serviceNames: readonly string[] = services.map((service) => service.serviceName);

/** Every method of every service. */
export const methodDescriptions: readonly MethodDescription<unknown, unknown>[] = services.flatMap(
  (service): MethodDescription<unknown, unknown>[] => Object.values(service.methods),
);

/** The methods that are built with their handlers, the others say that they are not. */
export function createApi(options: ApiOptions): readonly ApiMethod[] {
  const handled = [
    ...kvMethods(options.member),
    ...watchMethods(options.member, options.watch),
    ...leaseMethods(options.member),
    ...lockMethods(options.member, options.stopping),
    ...electionMethods(options.member, options.stopping),
    ...clusterMethods(options.member),
    ...hashMethods(options.member),
    ...snapshotMethods(options.member),
    ...maintenanceMethods(options.member),
    ...diagnosticsMethods(options.diagnosis),
    ...options.health.methods(),
  ];
  const byPath = new Map(handled.map((method) => [method.description.path, method]));
  return methodDescriptions.map((description) => {
    return bindMethod(byPath.get(description.path) ?? { kind: 'unimplemented', description }, options);
  });
}
