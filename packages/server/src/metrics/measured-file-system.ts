import type { Clock } from '@quorate/replica';
import type { File, FileSystem } from '@quorate/storage';

/** What is told of writes that became durable. */
export type WriteMeter = {
  /** A write and its flush together took so long. On Linux the write itself waits for the disk. */
  flushed(durationMs: number): void;
  written(bytes: number): void;
};

/** A file system that measures the writes to its files, and is the same otherwise. */
export function measuredFileSystem(inner: FileSystem, clock: Clock, meter: WriteMeter): FileSystem {
  return {
    open: async (path, mode) => measuredFile(await inner.open(path, mode), clock, meter),
    list: async (directory) => inner.list(directory),
    makeDirectory: async (path) => inner.makeDirectory(path),
    rename: async (from, to) => inner.rename(from, to),
    remove: async (path) => inner.remove(path),
    syncDirectory: async (path) => inner.syncDirectory(path),
    lock: async (path) => inner.lock(path),
  };
}

function measuredFile(inner: File, clock: Clock, meter: WriteMeter): File {
  /** When the first write began that no flush has covered yet. */
  let sinceMs: number | null = null;
  return {
    size: async () => inner.size(),
    read: async (target, position) => inner.read(target, position),
    write: async (source, position) => {
      sinceMs ??= clock.monotonicMs();
      await inner.write(source, position);
      meter.written(source.length);
    },
    sync: async () => {
      const startMs = sinceMs ?? clock.monotonicMs();
      sinceMs = null;
      await inner.sync();
      meter.flushed(clock.monotonicMs() - startMs);
    },
    close: async () => inner.close(),
  };
}
