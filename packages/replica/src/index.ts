export { AutoCompaction, type AutoCompactionPolicy } from './auto-compaction.ts';
export type { Call } from './call.ts';
export { digestRecords } from './digest-records.ts';
export {
  defaultMembershipLimits,
  type MembershipChange,
  type MembershipLimits,
  type MembershipOutcome,
} from './membership-change.ts';
export {
  type PeerAnswer,
  PeerCallError,
  type PeerCallErrorCode,
  type PeerRefusal,
  PeerRefused,
  type PeerRequest,
  type PeerResponse,
  type ResponseTo,
} from './peer-call.ts';
export {
  type CallSending,
  defaultPeerCallLimits,
  type PeerCallLimits,
  PeerCalls,
  refuse,
} from './peer-calls.ts';
export type { Clock, Logger, Peer, PeerEvents, PeerTransport, Random, Timer } from './ports.ts';
export { type LeaseLife, LeaseService } from './leases/lease-service.ts';
export { Replica } from './replica.ts';
export { foundLog } from './restore.ts';
export { logHolds } from './snapshot/load-snapshot.ts';
export {
  type CompactionPolicy,
  defaultCompactionPolicy,
  defaultTransferLimits,
  pieceMaxBytes,
  type SnapshotOptions,
  type TransferLimits,
} from './snapshot/snapshot-options.ts';
export { ReplicaError, type ReplicaErrorCode, replicaErrorCodes } from './replica-error.ts';
export type { CoreObserver } from './core-observer.ts';
export type {
  ReplicaLimits,
  ReplicaMeasures,
  ReplicaOptions,
  ReplicaStatus,
} from './replica-options.ts';
