import { statfs } from 'node:fs/promises';
import type { diagnostics } from '@quorate/protocol';
import { type FileSystem, StorageError, toStorageError } from '@quorate/storage';

const probeName = 'flush-probe.tmp';
const probeCount = 10;
const probeBytes = 4096;

/** Measures how long flushing takes on the disk of a directory, and how much room there is. Never rejects. */
export async function probeDisk(fileSystem: FileSystem, directory: string): Promise<diagnostics.Disk> {
  const disk: diagnostics.Disk = {
    dataDirectory: directory,
    freeBytes: 0,
    totalBytes: 0,
    flushUs: [],
    problem: '',
  };
  try {
    const { bavail, blocks, bsize } = await statfs(directory);
    disk.freeBytes = bavail * bsize;
    disk.totalBytes = blocks * bsize;
    disk.flushUs = await flushSomeTimes(fileSystem, `${directory}/${probeName}`);
  } catch (error) {
    disk.problem = error instanceof Error ? error.message : String(error);
  }
  return disk;
}

async function flushSomeTimes(fileSystem: FileSystem, path: string): Promise<number[]> {
  const times: number[] = [];
  try {
    // What an interrupted probe left is in the way.
    await fileSystem.remove(path).catch(() => undefined);
    const file = await fileSystem.open(path, 'create');
    try {
      for (let count = 0; count < probeCount; count += 1) {
        const startedMs = performance.now();
        await file.write(new Uint8Array(probeBytes).fill(count), count * probeBytes);
        await file.sync();
        times.push(Math.round((performance.now() - startedMs) * 1000));
      }
    } finally {
      await file.close();
      await fileSystem.remove(path);
    }
    return times;
  } catch (error) {
    throw error instanceof StorageError ? error : toStorageError(error, 'probing', path);
  }
}
