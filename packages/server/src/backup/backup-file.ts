import { createHash } from 'node:crypto';
import path from 'node:path';
import {
  type FileSystem,
  GrowingFile,
  SNAPSHOT_MAGIC,
  SnapshotFile,
  SnapshotFileDecoder,
  type SnapshotHeader,
  StorageError,
} from '@quorate/storage';

/** What was saved. */
export type SavedBackup = {
  readonly header: SnapshotHeader;
  readonly sizeBytes: number;
  /** SHA-256 of everything in front of the file's footer, in hexadecimal. */
  readonly digest: string;
};

/**
 * Behind a snapshot file a stream for etcd's clients has padding, whose last two bytes are its length
 * (little-endian), and the SHA-256 of everything before.
 */
const checksumBytes = 32;
const trailerMaxBytes = checksumBytes + 2 + 512;
const alignmentBytes = 512;
const readBytes = 1024 * 1024;

/**
 * Saves a snapshot as it comes: checked as it goes by, durable when this resolves, and never seen in part under
 * its name. A file of that name is replaced. What may stand behind the snapshot is checked and left out. Rejects
 * with a StorageError, or with what `source` rejects with; then nothing is left of it.
 */
export async function saveBackup(
  fileSystem: FileSystem,
  file: string,
  source: AsyncIterable<Uint8Array>,
): Promise<SavedBackup> {
  const [directory, name] = [path.dirname(file), path.basename(file)];
  const growing = await GrowingFile.open(fileSystem, directory, partNameOf(name), 0);
  try {
    const decoder = new SnapshotFileDecoder(file);
    const hash = createHash('sha256');
    let trailer = new Uint8Array(0);
    for await (const bytes of source) {
      if (decoder.footer === null) {
        decoder.push(bytes);
        hash.update(bytes);
        await growing.write(bytes);
      } else {
        trailer = Buffer.concat([trailer, bytes]);
        if (trailer.length > trailerMaxBytes) throw notASnapshot(file, 'there is more behind its end');
      }
    }
    decoder.expectEnd();
    const { header, footer, verifiedBytes } = decoder;
    if (header === null || footer === null) throw notASnapshot(file, 'it has no end');
    if (trailer.length > 0) {
      const expected = hash.update(trailer.subarray(0, -checksumBytes)).digest();
      if (!expected.equals(trailer.subarray(-checksumBytes))) {
        throw notASnapshot(file, 'its checksum does not match');
      }
    }
    await growing.finish(name);
    return { header, sizeBytes: verifiedBytes, digest: footer.digest };
  } catch (error) {
    await growing.discard();
    throw error;
  }
}

/** What a backup is called as long as it is not complete. It stays behind if the process dies. */
function partNameOf(name: string): string {
  return `.${name}.part`;
}

/** What an incomplete backup was to be called; null if the file is none. */
export function nameOfPart(file: string): string | null {
  return /^\.(.+)\.part$/.exec(file)?.[1] ?? null;
}

/**
 * Opens a snapshot that `saveBackup` or a client of etcd has saved. Its header, its end and its size are checked,
 * its content when it is read. Rejects with a StorageError whose message says what the file is instead.
 */
export async function openBackupFile(fileSystem: FileSystem, file: string): Promise<SnapshotFile> {
  try {
    return await SnapshotFile.open(fileSystem, file);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'damaged') throw error;
    if (await isBbolt(fileSystem, file)) throw notASnapshot(file, bboltExplanation);
    if (!(await startsAsSnapshot(fileSystem, file))) {
      throw notASnapshot(file, 'it does not start as a snapshot does');
    }
    const sizeBytes = await sizeWithoutTrailer(fileSystem, file);
    if (sizeBytes === null) throw error;
    return SnapshotFile.open(fileSystem, file, sizeBytes);
  }
}

const bboltExplanation =
  'it is a database of etcd (bbolt), which cannot be read here; copy the keys with `etcdctl make-mirror` instead';
const bboltMagicOffset = 16;
const bboltMagic = 0xed0cdaed;

async function isBbolt(fileSystem: FileSystem, file: string): Promise<boolean> {
  const start = await readPart(fileSystem, file, bboltMagicOffset, 4);
  return start.length === 4 && start.readUInt32LE() === bboltMagic;
}

async function startsAsSnapshot(fileSystem: FileSystem, file: string): Promise<boolean> {
  const start = await readPart(fileSystem, file, 0, SNAPSHOT_MAGIC.length);
  return start.toString('latin1') === SNAPSHOT_MAGIC;
}

/** How long the snapshot in front of the trailer is; null if there is no trailer, or the file is not what was saved. */
async function sizeWithoutTrailer(fileSystem: FileSystem, file: string): Promise<number | null> {
  const size = await sizeOf(fileSystem, file);
  if (size % alignmentBytes !== checksumBytes) return null;
  const end = size - checksumBytes;
  const padding = await readPart(fileSystem, file, end - 2, 2);
  const hash = createHash('sha256');
  for (let offset = 0; offset < end; offset += readBytes) {
    hash.update(await readPart(fileSystem, file, offset, Math.min(readBytes, end - offset)));
  }
  const isIntact = hash.digest().equals(await readPart(fileSystem, file, end, checksumBytes));
  return isIntact ? end - padding.readUInt16LE() : null;
}

async function sizeOf(fileSystem: FileSystem, file: string): Promise<number> {
  const opened = await fileSystem.open(file, 'read');
  try {
    return await opened.size();
  } finally {
    await opened.close();
  }
}

async function readPart(
  fileSystem: FileSystem,
  file: string,
  position: number,
  length: number,
): Promise<Buffer> {
  const opened = await fileSystem.open(file, 'read');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, await opened.read(bytes, position));
  } finally {
    await opened.close();
  }
}

function notASnapshot(file: string, found: string): StorageError {
  return new StorageError('damaged', `${file} is not a whole snapshot of Quorate: ${found}`, {
    file,
    reason: found,
  });
}
