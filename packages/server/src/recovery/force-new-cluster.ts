import { createHash } from 'node:crypto';
import { type Configuration, type MemberAddress, type MemberId, toLogIndex, toTerm } from '@quorate/raft';
import { logHolds } from '@quorate/replica';
import {
  DataDirectory,
  type FileSystem,
  type Identity,
  SnapshotDirectory,
  StorageError,
  WriteAheadLog,
} from '@quorate/storage';

/** What a person must know before they agree. */
export type LostQuorum = {
  readonly name: string;
  readonly memberId: MemberId;
  readonly clusterId: bigint;
  /** The members that the cluster had, this one among them: by name, or by id where the log does not know the name. */
  readonly members: readonly string[];
  /** The last entry that this member has, and the last that it knows to be committed. */
  readonly lastIndex: number;
  readonly commitIndex: number;
};

export type ForceOptions = {
  readonly fileSystem: FileSystem;
  readonly path: string;
  readonly random: { integer(bound: number): number };
  /** Nothing is changed unless this resolves to true. */
  readonly confirm: (lost: LostQuorum) => Promise<boolean>;
};

/** `clusterId` is that of the new cluster. */
export type ForcedCluster = LostQuorum & { readonly clusterId: bigint };

/**
 * Makes one member of a cluster that has lost its majority for good the only member of a new one, which others can
 * join: an entry behind the last one of its log says so. All entries that the member has become committed, since
 * the majority may have committed any of them; what only the lost members had is lost. The cluster gets another
 * id, so that members of the old one that come back are refused.
 *
 * The member must not run, and must have installed what snapshots it has. May be repeated if it was interrupted.
 * Resolves with null if `confirm` says no. Rejects with a StorageError.
 */
export async function forceNewCluster(options: ForceOptions): Promise<ForcedCluster | null> {
  const { fileSystem, path, random, confirm } = options;
  const directory = await DataDirectory.open({ fileSystem, path, random, identity: expectFound(path) });
  try {
    const log = await WriteAheadLog.open({ fileSystem, directory: directory.logDirectory, random });
    try {
      const configuration = soleMember(log, directory.identity, path);
      const snapshots = await SnapshotDirectory.open(fileSystem, directory.snapshotDirectory);
      await expectInstalled(snapshots, log, path);
      const lost = describe(log, directory.identity);
      if (!(await confirm(lost))) return null;
      const clusterId = recoveredClusterId(lost, log.recovered.hardState.term);
      await moveSnapshot(snapshots, clusterId);
      await appendConfiguration(log, configuration);
      // Nobody but this member speaks for the new cluster: what it has is what there is.
      const { unpublished: _, ...identity } = directory.identity;
      await directory.changeIdentity({ ...identity, clusterId });
      return { ...lost, clusterId };
    } finally {
      await log.close();
    }
  } finally {
    await directory.close();
  }
}

function expectFound(path: string) {
  return async (found: Identity | null): Promise<Identity> => {
    if (found !== null) return found;
    throw new StorageError('damaged', `${path} is no data directory of a member`, { file: path });
  };
}

function describe(log: WriteAheadLog, identity: Identity): LostQuorum {
  const { hardState, lastIndex } = log.recovered;
  const { name, memberId, clusterId } = identity;
  const members = (latestConfiguration(log)?.addresses ?? []).map((address) => titleOf(address, identity));
  return { name, memberId, clusterId, members, lastIndex, commitIndex: hardState.commit };
}

/** Members that did not found the cluster have no name in the log. */
function titleOf({ id, name }: MemberAddress, own: Identity): string {
  if (id === own.memberId) return own.name;
  return name === '' ? id.toString(16) : name;
}

function latestConfiguration({ recovered }: WriteAheadLog): Configuration | undefined {
  return recovered.configurations.at(-1)?.configuration ?? recovered.snapshot?.configuration;
}

function soleMember(log: WriteAheadLog, { memberId }: Identity, path: string): Configuration {
  const own = latestConfiguration(log)?.addresses.find(({ id }) => id === memberId);
  if (own === undefined) {
    const reason =
      'its log does not name it as a member: it has just joined, or was removed; recover another member';
    throw new StorageError('damaged', `${path}: ${reason}`, { file: path, reason });
  }
  return { voters: [memberId], outgoingVoters: [], learners: [], learnersNext: [], addresses: [own] };
}

/**
 * A snapshot that a crash kept from being installed replaces the log when the member starts next: the entry that says
 * who belongs to the new cluster would be lost, and the old cluster's members would be in force again.
 */
async function expectInstalled(
  snapshots: SnapshotDirectory,
  log: WriteAheadLog,
  path: string,
): Promise<void> {
  const latest = (await snapshots.list()).at(-1);
  if (latest === undefined || logHolds(log.recovered, latest)) return;
  const reason = `it was stopped while it installed a snapshot of entry ${latest.index}: start the member once and stop it, then try again`;
  throw new StorageError('damaged', `${path}: ${reason}`, { file: path, reason });
}

async function appendConfiguration(log: WriteAheadLog, configuration: Configuration): Promise<void> {
  const { hardState, lastIndex } = log.recovered;
  const index = toLogIndex(lastIndex + 1);
  // A later term than any that this member has seen, so that it can vote for itself.
  const term = toTerm(hardState.term + 1);
  const entry = { kind: 'configuration', term, index, configuration } as const;
  await log.append([{ hardState: { term, vote: null, commit: index }, entries: [entry], sync: true }]);
}

/** A snapshot file says whose it is, and is refused by any other cluster. */
async function moveSnapshot(snapshots: SnapshotDirectory, clusterId: bigint): Promise<void> {
  const file = await snapshots.openLatest();
  if (file === null) return;
  try {
    const writer = await snapshots.create({ ...file.header, clusterId });
    try {
      for await (const content of file.content()) await writer.write(content.slice());
      await writer.finish();
    } catch (error) {
      await writer.discard();
      throw error;
    }
  } finally {
    await file.close();
  }
}

/** A 64-bit number that follows from what is recovered, so that an interrupted recovery goes on with the same one. */
function recoveredClusterId({ clusterId, memberId, lastIndex }: LostQuorum, term: number): bigint {
  const parts = [clusterId.toString(16), memberId.toString(16), lastIndex, term];
  const hash = createHash('sha256').update(`quorate recovery 1\n${parts.join('\n')}\n`);
  const value = hash.digest().readBigUInt64BE(0);
  return value === 0n ? 1n : value;
}
