import assert from 'node:assert/strict';
import type { File, FileSystem } from './file-system.ts';
import { removeIfPresent } from './segment.ts';
import { SnapshotEncoder, type SnapshotHeader } from './snapshot-format.ts';
import { toStorageError } from './storage-error.ts';

/** How much is collected for one write to the disk. */
const WRITE_BYTES = 1024 * 1024;

/**
 * A file that grows aside, in large writes that are made durable one by one, until it gets its name. While one is
 * under way the next is collected, so that disk and caller work at the same time; the memory for that is all it takes.
 * For one caller that awaits each call. After a failure, which the next call may be the first to tell, it is gone.
 */
export class GrowingFile {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #name: string;
  readonly #file: File;
  /** Where the next write goes. */
  #offset: number;
  #collecting = new Uint8Array(WRITE_BYTES);
  #collectedBytes = 0;
  /** What was written before, for the next to be collected in. */
  #spare: Uint8Array<ArrayBuffer> | null = null;
  /** The write that is under way, or was the last. */
  #writing: Promise<void> = Promise.resolve();
  #isOpen = true;

  /** Goes on at `offset` of a file that exists, or begins one at 0. Rejects with a StorageError. */
  static async open(
    fileSystem: FileSystem,
    directory: string,
    name: string,
    offset: number,
  ): Promise<GrowingFile> {
    const path = `${directory}/${name}`;
    try {
      if (offset === 0) await removeIfPresent(fileSystem, path);
      const file = await fileSystem.open(path, offset === 0 ? 'create' : 'write');
      const growing = new GrowingFile(fileSystem, directory, name, file, offset);
      try {
        // So that what comes is found again after a power failure.
        if (offset === 0) await fileSystem.syncDirectory(directory);
        return growing;
      } catch (error) {
        await growing.discard();
        throw error;
      }
    } catch (error) {
      throw toStorageError(error, 'creating', path);
    }
  }

  private constructor(fileSystem: FileSystem, directory: string, name: string, file: File, offset: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#name = name;
    this.#file = file;
    this.#offset = offset;
  }

  get path(): string {
    return `${this.#directory}/${this.#name}`;
  }

  /** `bytes` are the caller's again when it resolves. */
  async write(bytes: Uint8Array): Promise<void> {
    assert(this.#isOpen, 'the file is written after its end');
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + WRITE_BYTES - this.#collectedBytes);
      this.#collecting.set(part, this.#collectedBytes);
      this.#collectedBytes += part.length;
      at += part.length;
      if (this.#collectedBytes === WRITE_BYTES) await this.#beginWrite();
    }
  }

  /** Gives the file its name, durably: nobody ever sees a part of it under that. */
  async finish(name: string): Promise<void> {
    await this.#flush();
    this.#isOpen = false;
    try {
      await this.#file.close();
      await this.#fileSystem.rename(this.path, `${this.#directory}/${name}`);
      await this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      throw toStorageError(error, 'writing', this.path);
    }
  }

  /** Keeps what there is, for later. */
  async keep(): Promise<void> {
    if (!this.#isOpen) return;
    await this.#flush();
    this.#isOpen = false;
    await this.#file.close();
  }

  /** Removes it, as far as that is possible. Idempotent. */
  async discard(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#writing.catch(() => undefined);
      await this.#file.close();
      await removeIfPresent(this.#fileSystem, this.path);
    } catch {
      // The next start removes it. What counts is the reason why it is discarded.
    }
  }

  /** Writes all that was collected. When it resolves everything is durable. */
  async #flush(): Promise<void> {
    await this.#beginWrite();
    await this.#lastWrite();
  }

  /** Begins to write what was collected, when the write before has ended. */
  async #beginWrite(): Promise<void> {
    await this.#lastWrite();
    const bytes = this.#collecting;
    const written = bytes.subarray(0, this.#collectedBytes);
    this.#collecting = this.#spare ?? new Uint8Array(WRITE_BYTES);
    this.#spare = bytes;
    this.#collectedBytes = 0;
    if (written.length === 0) return;
    this.#writing = this.#writeOut(written, this.#offset);
    this.#writing.catch(() => undefined); // Whoever comes next is told.
    this.#offset += written.length;
  }

  async #writeOut(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#file.write(bytes, offset);
    await this.#file.sync();
  }

  async #lastWrite(): Promise<void> {
    try {
      await this.#writing;
    } catch (error) {
      await this.discard();
      throw toStorageError(error, 'writing', this.path);
    }
  }
}

/** Writes a snapshot of the own state machine. For one caller that awaits each call. */
export class SnapshotWriter {
  readonly #file: GrowingFile;
  readonly #encoder: SnapshotEncoder;
  readonly #finalName: string;

  /** See `SnapshotDirectory.create`. */
  static async open(
    fileSystem: FileSystem,
    directory: string,
    names: { readonly temporary: string; readonly final: string },
    header: SnapshotHeader,
  ): Promise<SnapshotWriter> {
    const file = await GrowingFile.open(fileSystem, directory, names.temporary, 0);
    const writer = new SnapshotWriter(file, header, names.final);
    await file.write(writer.#encoder.header());
    return writer;
  }

  private constructor(file: GrowingFile, header: SnapshotHeader, finalName: string) {
    this.#file = file;
    this.#encoder = new SnapshotEncoder(header);
    this.#finalName = finalName;
  }

  /** Adds a piece of content, 1 byte to 32 MiB. Rejects with a StorageError; then nothing is left of the file. */
  write(content: Uint8Array): Promise<void> {
    return this.#file.write(this.#encoder.block(content));
  }

  /** When it resolves the snapshot is complete, durable, and the newest one. */
  async finish(): Promise<void> {
    await this.#file.write(this.#encoder.footer());
    await this.#file.finish(this.#finalName);
  }

  /** Gives up. Nothing is left of the file. Without effect after `finish`. */
  discard(): Promise<void> {
    return this.#file.discard();
  }
}
