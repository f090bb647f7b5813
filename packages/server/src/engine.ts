import { type Engine, EngineError, MemoryEngine } from '@quorate/kv';
import type { ServerConfiguration } from './configuration/server-configuration.ts';
import { ServerError } from './server-error.ts';

/**
 * Opens the engine that the configuration asks for, in the member's state directory. Only the one that is
 * chosen is loaded. Rejects with a `ServerError` or an `EngineError`.
 */
export async function openEngine(engine: ServerConfiguration['engine'], directory: string): Promise<Engine> {
  switch (engine) {
    case 'memory':
      return new MemoryEngine();
    case 'sqlite': {
      const { SqliteEngine } = await import('@quorate/kv/sqlite');
      return SqliteEngine.open({ directory });
    }
    case 'lmdb': {
      const { LmdbEngine } = await importLmdb();
      return LmdbEngine.open({ directory });
    }
  }
}

async function importLmdb(): Promise<typeof import('@quorate/kv/lmdb')> {
  try {
    return await import('@quorate/kv/lmdb');
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const message = `the engine lmdb cannot be loaded: install the package lmdb, or choose engine sqlite (${reason})`;
    throw new ServerError('engine-unavailable', message, error);
  }
}
