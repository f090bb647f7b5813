export * from './command.ts';
export * from './engine/engine.ts';
export * from './engine/engine-error.ts';
export * from './engine/memory-engine.ts';
export { type Key, toBytes, toKey } from './key-range.ts';
export { type Lease, leaseTtlMaxSeconds } from './lease-table.ts';
export type { MemberAttributes } from './member-attributes.ts';
export { SnapshotDecoder, type SnapshotPart } from './snapshot-decoder.ts';
export * from './snapshot-error.ts';
export {
  type Restoration,
  restoredContent,
  type SnapshotSummary,
  summarizeSnapshot,
} from './snapshot-restoration.ts';
export { type DigestRange, RecordDigest } from './record-digest.ts';
export * from './store.ts';
export * from './store-error.ts';
export type { StoreSnapshot } from './store-snapshot.ts';
export { isReadOnlyTransaction, isSerializableTransaction, takesSpace } from './validation.ts';
export type { WatchOptions } from './watch/watch-hub.ts';
export type { WatchNotice, WatchRefusal } from './watch/watch-notice.ts';
export type { WatchStream } from './watch/watch-stream.ts';
export type { Watcher } from './watch/watcher.ts';
