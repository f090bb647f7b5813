import type { Call, Replica } from '@quorate/replica';
import type { DataDirectory } from '@quorate/storage';

/**
 * Whether the cluster can know that this member runs, by the word of this data directory. Until a founding member is
 * about to tell for the first time, who knows it all the same knows an earlier directory, with votes and entries that
 * this one lacks.
 */
export class FirstPublication {
  private readonly directory: Pick<DataDirectory, 'identity' | 'changeIdentity'>;
  private isAhead: boolean;

  constructor(directory: Pick<DataDirectory, 'identity' | 'changeIdentity'>) {
    this.directory = directory;
    this.isAhead = directory.identity.unpublished === true;
  }

  /** Whether it has yet to begin. */
  readonly pending = (): boolean => this.isAhead;

  /**
   * Call it before anything is published; durable when it resolves. Waits until the others have accepted this member,
   * and its state machine has what they know. If that has been published before, by an earlier data directory, it stays
   * ahead, for the peers to say so. Rejects with a ReplicaError, or a StorageError.
   */
  async begin(member: KnowingMember, call: Call): Promise<void> {
    if (!this.isAhead) return;
    await member.linearize(call);
    if (member.store.memberAttributes().has(this.directory.identity.memberId)) return;
    const { unpublished: _, ...identity } = this.directory.identity;
    await this.directory.changeIdentity(identity);
    this.isAhead = false;
  }
}

type KnowingMember = Pick<Replica, 'linearize'> & {
  readonly store: Pick<Replica['store'], 'memberAttributes'>;
};
