/** Integers in [0, bound). */
export type Random = { integer(bound: number): number };

type PendingWrite = { readonly position: number; readonly bytes: Uint8Array };

/**
 * The bytes of a simulated file, twice: as processes see them, and as they are on the disk. What was written
 * since the last sync is in between.
 */
export class MemoryInode {
  #cache = new Uint8Array(0);
  #size = 0;
  #disk = new Uint8Array(0);
  #diskSize = 0;
  #pending: PendingWrite[] = [];

  get size(): number {
    return this.#size;
  }

  read(target: Uint8Array, position: number): number {
    const part = this.#cache.subarray(
      Math.min(position, this.#size),
      Math.min(position + target.length, this.#size),
    );
    target.set(part);
    return part.length;
  }

  write(source: Uint8Array, position: number): void {
    const end = position + source.length;
    this.#cache = withRoom(this.#cache, end);
    this.#cache.set(source, position);
    this.#size = Math.max(this.#size, end);
    this.#pending.push({ position, bytes: source.slice() });
  }

  sync(): void {
    for (const { position, bytes } of this.#pending) this.#toDisk(position, bytes);
    this.#pending = [];
    this.#disk = withRoom(this.#disk, this.#size);
    this.#diskSize = this.#size;
  }

  /**
   * What a kernel does when writing back fails: some of it has reached the disk, and the rest stays in the
   * cache as if it were clean, so that the next sync succeeds without writing it.
   */
  failSync(random: Random, tearBytes: number): void {
    this.#keepSome(random, tearBytes);
    this.#pending = [];
  }

  /** Leaves on the disk any pieces of what was not synced, and in the cache what is on the disk. */
  losePower(random: Random, tearBytes: number): void {
    this.#keepSome(random, tearBytes);
    this.#pending = [];
    this.#cache = this.#disk.slice(0, this.#diskSize);
    this.#size = this.#diskSize;
  }

  /** Changes bytes in the cache and on the disk, as bit rot or a meddler would. */
  overwrite(position: number, bytes: Uint8Array): void {
    this.#cache = withRoom(this.#cache, position + bytes.length);
    this.#cache.set(bytes, position);
    this.#size = Math.max(this.#size, position + bytes.length);
    this.#toDisk(position, bytes);
  }

  truncate(size: number): void {
    this.#cache = this.#cache.slice(0, size);
    this.#size = Math.min(this.#size, size);
    this.#disk = this.#disk.slice(0, size);
    this.#diskSize = Math.min(this.#diskSize, size);
    this.#pending = [];
  }

  #keepSome(random: Random, tearBytes: number): void {
    for (const { position, bytes } of this.#pending) {
      switch (random.integer(4)) {
        case 0:
          break;
        case 1:
          this.#toDisk(position, bytes);
          break;
        case 2:
          this.#toDisk(position, bytes.subarray(0, random.integer(bytes.length + 1)));
          break;
        default:
          this.#keepPieces(position, bytes, random, tearBytes);
      }
    }
  }

  /** Pieces end where sectors end; each is kept or lost for itself. */
  #keepPieces(position: number, bytes: Uint8Array, random: Random, tearBytes: number): void {
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(bytes.length, at + tearBytes - ((position + at) % tearBytes));
      if (random.integer(2) === 0) this.#toDisk(position + at, bytes.subarray(at, next));
      at = next;
    }
  }

  #toDisk(position: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    this.#disk = withRoom(this.#disk, end);
    this.#disk.set(bytes, position);
    this.#diskSize = Math.max(this.#diskSize, end);
  }
}

function withRoom(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (size <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(size, bytes.length * 2));
  larger.set(bytes);
  return larger;
}
