import type { FileSystem } from './file-system.ts';
import { SnapshotFileDecoder, damagedSnapshot } from './snapshot-file-decoder.ts';
import type { SnapshotHeader } from './snapshot-format.ts';
import { GrowingFile } from './snapshot-writer.ts';
import { diskErrorCode, StorageError, toStorageError } from './storage-error.ts';

/** A snapshot file that another member has, and this one is to get. */
export type SnapshotOffer = {
  /** Of the last entry that it holds. */
  readonly index: number;
  readonly term: number;
  readonly sizeBytes: number;
  /** SHA-256 of everything in front of its footer, in hexadecimal: which file it is. */
  readonly digest: string;
};

const READ_BYTES = 1024 * 1024;

/**
 * A snapshot file on its way to this member. What has come is on the disk, so that the transfer goes on after a
 * broken connection or a restart. For one caller that awaits each call.
 */
export class IncomingSnapshot {
  readonly #offer: SnapshotOffer;
  readonly #file: GrowingFile;
  readonly #decoder: SnapshotFileDecoder;
  readonly #finalName: string;
  #received: number;

  /** See `SnapshotDirectory.receive`. */
  static async open(
    fileSystem: FileSystem,
    directory: string,
    names: { readonly temporary: string; readonly final: string },
    offer: SnapshotOffer,
  ): Promise<IncomingSnapshot> {
    const path = `${directory}/${names.temporary}`;
    const decoder = await decodePartial(fileSystem, path);
    const file = await GrowingFile.open(fileSystem, directory, names.temporary, decoder.verifiedBytes);
    return new IncomingSnapshot(offer, file, decoder, names.final);
  }

  private constructor(
    offer: SnapshotOffer,
    file: GrowingFile,
    decoder: SnapshotFileDecoder,
    finalName: string,
  ) {
    this.#offer = offer;
    this.#file = file;
    this.#decoder = decoder;
    this.#finalName = finalName;
    this.#received = decoder.verifiedBytes;
  }

  /** How many bytes are here: the transfer goes on with the one at this offset. */
  get receivedBytes(): number {
    return this.#received;
  }

  /** Whether all bytes are here. */
  get isComplete(): boolean {
    return this.#received === this.#offer.sizeBytes;
  }

  /** What the file says about itself; null until that has come. */
  get header(): SnapshotHeader | null {
    return this.#decoder.header;
  }

  /**
   * Takes the next bytes. Rejects with a StorageError; if it is `damaged`, what
   * has come is not the file that was offered, and nothing is left of it.
   */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#discardOnFailure(() => {
      if (this.#received + bytes.length > this.#offer.sizeBytes) {
        throw this.#wrong('more has come than was offered');
      }
      this.#decoder.push(bytes);
    });
    this.#received += bytes.length;
    await this.#file.write(bytes);
  }

  /** When it resolves the snapshot is complete, durable, and the newest one. Rejects as `write` does. */
  async finish(): Promise<void> {
    await this.#discardOnFailure(() => {
      this.#decoder.expectEnd();
      const { header, footer } = this.#decoder;
      const { index, term, digest } = this.#offer;
      if (footer?.digest !== digest || !this.isComplete)
        throw this.#wrong('another file has come than was offered');
      if (header?.description.index !== index || header.description.term !== term) {
        throw this.#wrong('the file holds another snapshot than was offered');
      }
    });
    await this.#file.finish(this.#finalName);
  }

  /** Stops for now: `SnapshotDirectory.receive` goes on. Without effect after `finish` or a failure. */
  keep(): Promise<void> {
    return this.#file.keep();
  }

  /** Gives up. Nothing is left of the file. Without effect after `finish`. */
  discard(): Promise<void> {
    return this.#file.discard();
  }

  async #discardOnFailure(check: () => void): Promise<void> {
    try {
      check();
    } catch (error) {
      await this.#file.discard();
      throw error;
    }
  }

  #wrong(found: string): StorageError {
    return damagedSnapshot(this.#file.path, this.#decoder.verifiedBytes, found);
  }
}

/** Checks what came earlier, as far as it is intact. */
async function decodePartial(fileSystem: FileSystem, path: string): Promise<SnapshotFileDecoder> {
  const decoder = new SnapshotFileDecoder(path);
  try {
    const file = await fileSystem.open(path, 'read');
    try {
      const bytes = new Uint8Array(READ_BYTES);
      for (let offset = 0; ; ) {
        const count = await file.read(bytes, offset);
        if (count === 0) break;
        decoder.push(bytes.subarray(0, count));
        offset += count;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    // A crash may have torn the last write: the intact part counts.
    const isTorn = error instanceof StorageError && error.code === 'damaged';
    if (!isTorn && diskErrorCode(error) !== 'ENOENT') throw toStorageError(error, 'reading', path);
  }
  decoder.dropRest();
  return decoder;
}
