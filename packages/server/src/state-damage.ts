import { EngineError } from '@quorate/kv';
import type { Logger } from '@quorate/replica';
import { ReplicaError } from '@quorate/replica';
import { type DataDirectory, StorageError } from '@quorate/storage';
import type { MemberId } from '@quorate/raft';
import type { ServerConfiguration } from './configuration/server-configuration.ts';

/**
 * Whether a member stopped, or could not start, because its state machine is not what it should be, while its log
 * is whole. Started again it builds the state machine anew: `setAsideDamage` has seen to it.
 */
export function isStateDamage(error: unknown): error is EngineError | ReplicaError {
  return (
    (error instanceof EngineError && error.code === 'damaged') ||
    (error instanceof ReplicaError && error.code === 'corrupt')
  );
}

/** Sets aside what the next start must not use. Everything in the directory must be closed. */
export async function setAsideDamage(
  error: EngineError | ReplicaError,
  directory: DataDirectory,
  logger: Logger,
): Promise<void> {
  // Records that differ from the others' may have gone into snapshots; an engine that cannot be read has not.
  const snapshots = error instanceof ReplicaError;
  const moved = await directory.setAsideState({ snapshots });
  logger.error(
    { err: error, moved },
    `${error.message}. The log is whole: the state machine is built anew from it and from the other members. What there was is kept in ${moved.join(' and ')}`,
  );
}

/**
 * A damaged log is not repaired: it may lack votes that were given and entries that were acknowledged, and a member
 * that goes on without them could break the cluster's promises (docs/decisions/0011). The error names the commands
 * by which another member takes its place.
 */
export function withReplacement(
  error: unknown,
  { name, initialAdvertisePeerUrls, initialCluster }: ServerConfiguration,
  memberId: MemberId,
): unknown {
  if (!(error instanceof StorageError) || error.code !== 'damaged' || initialCluster.length < 2) return error;
  const { file, offset, reason } = error;
  const [peerUrl = ''] = initialAdvertisePeerUrls;
  const message = `${error.message}. With the endpoints of the other members: quorate member remove ${memberId.toString(16)}; quorate member add ${name} --peer-url ${peerUrl}; then start this member with an empty --data-dir and --initial-cluster-state existing`;
  return new StorageError('damaged', message, {
    ...(file === null ? {} : { file }),
    ...(offset === null ? {} : { offset }),
    reason,
    cause: error,
  });
}
