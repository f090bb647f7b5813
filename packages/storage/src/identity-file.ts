import { type LogIndex, type MemberId, toLogIndex } from '@quorate/raft';
import type { FileSystem } from './file-system.ts';
import { removeIfPresent } from './segment.ts';
import { damaged, diskErrorCode, StorageError, toStorageError } from './storage-error.ts';

/** Whose data a directory holds. */
export type Identity = {
  /** An unsigned 64-bit integer other than 0. */
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  /** What people call the member. Kept for messages; a different name is no reason to refuse. */
  readonly name: string;
  /** The word that went into the ids of a founding member; absent if it joined, or is older than this field. */
  readonly token?: string;
  /** The log index of the configuration by which the member joined a cluster; absent if it founded it. */
  readonly joinedAt?: LogIndex;
  /** The other members by that configuration; absent if it founded the cluster, or is older than this field. */
  readonly joinedPeers?: readonly JoinedPeer[];
  /** A founding member has not told the cluster of itself yet: who knows that it runs means another data directory. */
  readonly unpublished?: true;
};

export type JoinedPeer = { readonly id: MemberId; readonly urls: readonly string[] };

/** The version of the whole directory's layout and formats: docs/upgrades.md says what each brought. */
const FORMAT_VERSION = 2;

/** The oldest version that this release opens. */
const OLDEST_FORMAT_VERSION = 1;

/** What a directory says of itself. */
export type FoundIdentity = { readonly identity: Identity; readonly isOlderFormat: boolean };

/** Larger than any identity that was ever written. */
const FILE_MAX_BYTES = 1024 * 1024;

/** Writes the identity so that a crash leaves all of it or none. Durable when it resolves. */
export async function writeIdentity(
  fileSystem: FileSystem,
  directory: string,
  identity: Identity,
): Promise<void> {
  const path = identityPath(directory);
  const temporary = `${path}.tmp`;
  const text = JSON.stringify(
    {
      formatVersion: FORMAT_VERSION,
      clusterId: identity.clusterId.toString(16),
      memberId: identity.memberId.toString(16),
      name: identity.name,
      ...(identity.token === undefined ? {} : { token: identity.token }),
      ...(identity.joinedAt === undefined ? {} : { joinedAt: identity.joinedAt }),
      ...(identity.joinedPeers === undefined
        ? {}
        : { joinedPeers: identity.joinedPeers.map(({ id, urls }) => ({ id: id.toString(16), urls })) }),
      ...(identity.unpublished === undefined ? {} : { unpublished: true }),
    },
    null,
    2,
  );
  try {
    await removeIfPresent(fileSystem, temporary);
    const file = await fileSystem.open(temporary, 'create');
    try {
      await file.write(new TextEncoder().encode(`${text}\n`), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await fileSystem.rename(temporary, path);
    await fileSystem.syncDirectory(directory);
  } catch (error) {
    throw toStorageError(error, 'writing', path);
  }
}

/** Reads the identity, or resolves to null if there is none. Rejects with `damaged` or `newer-format`. */
export async function readIdentity(fileSystem: FileSystem, directory: string): Promise<FoundIdentity | null> {
  const path = identityPath(directory);
  const text = await readText(fileSystem, path);
  return text === null ? null : parseIdentity(text, path);
}

export function identityPath(directory: string): string {
  return `${directory}/identity.json`;
}

async function readText(fileSystem: FileSystem, path: string): Promise<string | null> {
  try {
    const file = await fileSystem.open(path, 'read');
    try {
      const bytes = new Uint8Array(Math.min(await file.size(), FILE_MAX_BYTES));
      await file.read(bytes, 0);
      return new TextDecoder().decode(bytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') return null;
    throw toStorageError(error, 'reading', path);
  }
}

function parseIdentity(text: string, path: string): FoundIdentity {
  const fields = parseFields(text, path);
  const version = fields['formatVersion'];
  if (typeof version === 'number' && version > FORMAT_VERSION) {
    throw new StorageError(
      'newer-format',
      `${path} has format version ${version}, and this version of Quorate reads up to ${FORMAT_VERSION}: start the member with the version that wrote it, or a newer one`,
      { file: path },
    );
  }
  if (typeof version !== 'number' || version < OLDEST_FORMAT_VERSION || !Number.isInteger(version)) {
    throw damaged(path, null, 'it has no valid formatVersion');
  }
  const { name, token, joinedAt, joinedPeers, unpublished } = fields;
  if (typeof name !== 'string') throw damaged(path, null, 'it has no name');
  if (token !== undefined && typeof token !== 'string') throw damaged(path, null, 'its token is no string');
  const identity = {
    clusterId: parseId(fields['clusterId'], 'clusterId', path),
    memberId: parseId(fields['memberId'], 'memberId', path) as MemberId,
    name,
    ...(token === undefined ? {} : { token }),
    ...(joinedAt === undefined ? {} : { joinedAt: parseIndex(joinedAt, path) }),
    ...(joinedPeers === undefined ? {} : { joinedPeers: parsePeers(joinedPeers, path) }),
    ...(unpublished === true ? ({ unpublished } as const) : {}),
  };
  return { identity, isOlderFormat: version < FORMAT_VERSION };
}

function parseIndex(value: unknown, path: string): LogIndex {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw damaged(path, null, 'its joinedAt is no log index');
  }
  return toLogIndex(value);
}

function parsePeers(value: unknown, path: string): readonly JoinedPeer[] {
  if (!Array.isArray(value)) throw damaged(path, null, 'its joinedPeers are no list');
  return value.map((each: unknown) => {
    if (typeof each !== 'object' || each === null || !('id' in each) || !('urls' in each)) {
      throw damaged(path, null, 'its joinedPeers lack an id or URLs');
    }
    const { id, urls } = each;
    if (!Array.isArray(urls) || !urls.every((url) => typeof url === 'string')) {
      throw damaged(path, null, 'its joinedPeers have URLs that are no texts');
    }
    return { id: parseId(id, 'joinedPeers', path) as MemberId, urls };
  });
}

function parseFields(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged(path, null, 'it is not a JSON object');
}

function parseId(value: unknown, field: string, path: string): bigint {
  if (typeof value !== 'string' || !/^[0-9a-f]{1,16}$/.test(value)) {
    throw damaged(path, null, `its ${field} is not a hexadecimal number of 64 bits`);
  }
  return BigInt(`0x${value}`);
}
