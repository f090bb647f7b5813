import { AuthDefinition } from './generated/etcdserverpb/auth.ts';
import { ClusterDefinition } from './generated/etcdserverpb/cluster.ts';
import { KVDefinition } from './generated/etcdserverpb/kv.ts';
import { LeaseDefinition } from './generated/etcdserverpb/lease.ts';
import { MaintenanceDefinition } from './generated/etcdserverpb/maintenance.ts';
import { WatchDefinition } from './generated/etcdserverpb/watch.ts';
import { HealthDefinition } from './generated/grpc/health/v1/health.ts';
import { ExpiringDefinition } from './generated/quorate/api/v1/expiring.ts';
import { ElectionDefinition } from './generated/v3electionpb/v3election.ts';
import { LockDefinition } from './generated/v3lockpb/v3lock.ts';
import { DiagnosticsDefinition } from './generated/quorate/diagnostics/v1/diagnostics.ts';
import { describeService } from './service.ts';

/** Reads, writes, transactions, compaction. */
export const kvService = describeService(KVDefinition);
/** Changes as they happen. */
export const watchService = describeService(WatchDefinition);
/** Keys that vanish with their owner. */
export const leaseService = describeService(LeaseDefinition);
/** Who is in the cluster. */
export const clusterService = describeService(ClusterDefinition);
/** What operators need of one member. */
export const maintenanceService = describeService(MaintenanceDefinition);
/** Users, roles and permissions. */
export const authService = describeService(AuthDefinition);
/** Names that one lease at a time owns. */
export const lockService = describeService(LockDefinition);
/** Names under which one candidate at a time leads. */
export const electionService = describeService(ElectionDefinition);
/** Our own: keys with a time to live. */
export const expiringService = describeService(ExpiringDefinition);
/** What a member finds out about its host and its peers. Ours, and no part of etcd's API. */
export const diagnosticsService = describeService(DiagnosticsDefinition);
/** gRPC's standard health check. */
export const healthService = describeService(HealthDefinition);
