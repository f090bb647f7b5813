export type { Clock, Logger, Peer, PeerEvents, PeerTransport, Random, Timer } from './ports.ts';
export { Replica } from './replica.ts';
export { ReplicaError, type ReplicaErrorCode } from './replica-error.ts';
export type {
  Call,
  CoreObserver,
  ReplicaBacklog,
  ReplicaLimits,
  ReplicaOptions,
  ReplicaStatus,
} from './replica-options.ts';
