import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { EngineError } from './engine-error.ts';

/** Makes sure that an engine's directory exists, durably. Throws an EngineError. */
export function ensureDirectory(directory: string): void {
  try {
    const firstCreated = mkdirSync(directory, { recursive: true });
    if (firstCreated !== undefined) {
      syncDirectory(path.dirname(firstCreated));
    }
  } catch (error) {
    throw fileSystemError(error, directory);
  }
}

/** What an error of node:fs means for an engine. */
export function fileSystemError(error: unknown, file: string): EngineError {
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
      return new EngineError('disk-full', `no space is left for ${file}`, { path: file, cause: error });
    default:
      return new EngineError('failed', `${file} cannot be used`, { path: file, cause: error });
  }
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
