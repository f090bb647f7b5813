export type { Alarm, AlarmName } from './alarm.ts';
export type { Bytes } from './bytes.ts';
export type { CallOptions } from './caller.ts';
export type { QuorateClientOptions } from './client-options.ts';
export type { Clock, Random } from './clock.ts';
export type { AddedMember, ClusterMember, Health, MemberStatus } from './cluster.ts';
export {
  compare,
  type CompareOperands,
  type CompareOperator,
  type CompareProperty,
  type Comparison,
  exists,
  missing,
} from './compare.ts';
export type { MemberDiagnosis, PeerDiagnosis } from './diagnosis.ts';
export { parseEndpoint, parseEndpoints, type Endpoint } from './endpoint.ts';
export type { KeyRange } from './key-range.ts';
export { KeyValue } from './key-value.ts';
export type { Leader, Leadership } from './election.ts';
export type { Lease, LeaseOptions, LeaseStatus } from './lease.ts';
export type { Lock } from './lock.ts';
export { type ManyOptions, transactionOperationsMax } from './many.ts';
export {
  type DeleteOptions,
  type Operation,
  operation,
  type OperationResult,
  type PutOptions,
  type TransactionParts,
} from './operation.ts';
export type { LockOptions, WaitOptions } from './ownership.ts';
export {
  type DeleteResult,
  type ExpiringPutOptions,
  type PutResult,
  QuorateClient,
} from './quorate-client.ts';
export { errorCodes, type Outcome, QuorateError, type QuorateErrorCode } from './quorate-error.ts';
export type { RangeOptions } from './range-pages.ts';
export type { PageOptions, RangePage, ReadOptions, SortProperty } from './read-options.ts';
export type { SnapshotPart } from './snapshot.ts';
export type { Transaction, TransactionResult } from './transaction.ts';
export { Watch, type WatchOptions } from './watch.ts';
export { type WatchBatch, WatchEvent } from './watch-event.ts';
