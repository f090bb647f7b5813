import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { diskFull, EngineError } from './engine-error.ts';

/** Makes durable which files are in a directory. Throws an EngineError. */
export function syncDirectory(directory: string): void {
  try {
    const descriptor = openSync(directory, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fileSystemError(error, directory);
  }
}

/** Makes durable what is in a file. Rejects with an EngineError. */
export async function syncFile(file: string): Promise<void> {
  try {
    const handle = await open(file, 'r');
    try {
      await handle.datasync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileSystemError(error, file);
  }
}

/** Makes sure that an engine's directory exists, durably. Throws an EngineError. */
export function ensureDirectory(directory: string): void {
  const firstCreated = createDirectory(directory);
  if (firstCreated === null) return;
  // Each new directory is an entry of the one above it.
  const top = path.dirname(firstCreated);
  for (let parent = path.dirname(path.resolve(directory)); ; parent = path.dirname(parent)) {
    syncDirectory(parent);
    if (parent === top) return;
  }
}

/** Returns the first directory that had to be created on the way, or null. */
function createDirectory(directory: string): string | null {
  try {
    const firstCreated = mkdirSync(directory, { recursive: true });
    return firstCreated === undefined ? null : path.resolve(firstCreated);
  } catch (error) {
    throw fileSystemError(error, directory);
  }
}

/** What an error of node:fs means for an engine. */
function fileSystemError(error: unknown, file: string): EngineError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENOENT':
      return new EngineError('not-writable', `${file} cannot be written`, { path: file, cause: error });
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(file, error);
    default:
      return new EngineError('failed', `${file} cannot be used`, { path: file, cause: error });
  }
}
