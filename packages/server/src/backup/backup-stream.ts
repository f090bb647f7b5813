import type { Store } from '@quorate/kv';
import { toLogIndex, toTerm } from '@quorate/raft';
import type { Replica } from '@quorate/replica';
import { SnapshotEncoder } from '@quorate/storage';
import { Pace } from '../platform/pace.ts';

/** What is read before others get their time: a few pieces. A timer takes as long. */
const burstMs = 2;

/** What a backup needs of the member that it is of. */
export type BackedUpMember = Pick<Replica, 'status' | 'clock'> & {
  readonly store: Pick<Store, 'openSnapshot'>;
};

/** A backup that is being made. */
export type Backup = {
  readonly revision: number;
  /**
   * The bytes of a snapshot file (FORMAT.md of `storage`), about 64 KiB each. To be read once. Others get as
   * much time as each took; closes the backup at its end.
   */
  readonly bytes: AsyncGenerator<Uint8Array, void>;
  /** Lets go of the state. The bytes end there. Idempotent. */
  close(): void;
};

/**
 * Begins a backup of all that the member has applied, while it goes on. As long as it is open compaction may have
 * to wait, so that it must be read without delay. Throws a StoreError or an EngineError.
 */
export function openBackup(member: BackedUpMember): Backup {
  const { clock } = member;
  const { clusterId, configuration } = member.status();
  const snapshot = member.store.openSnapshot();
  const description = {
    index: toLogIndex(snapshot.appliedIndex),
    term: toTerm(snapshot.appliedTerm),
    configuration,
  };
  const encoder = new SnapshotEncoder({ clusterId, description });
  let isClosed = false;
  const close = (): void => {
    isClosed = true;
    snapshot.close();
  };
  async function* bytes(): AsyncGenerator<Uint8Array, void> {
    try {
      yield encoder.header();
      const pace = new Pace(clock, { burstMs });
      let startedMs = clock.monotonicMs();
      for (const chunk of snapshot.chunks()) {
        const block = encoder.block(chunk);
        await pace.restAfter(startedMs);
        if (isClosed) return;
        yield block;
        startedMs = clock.monotonicMs();
      }
      yield encoder.footer();
    } finally {
      close();
    }
  }
  return { revision: snapshot.revision, bytes: bytes(), close };
}
