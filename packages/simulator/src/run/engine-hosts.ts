import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbEngine } from '@quorate/kv/lmdb';
import { SqliteEngine } from '@quorate/kv/sqlite';
import {
  durableMemoryMedium,
  EngineHost,
  type EngineMedium,
  volatileMedium,
} from '../cluster/engine-host.ts';
import { streamOf } from '../kernel/random-stream.ts';
import type { EngineKind, RunPlan } from '../plan/plan.ts';

/** The engines of all hosts of a run, and the temporary directory of those that need files. */
export class EngineHosts {
  private readonly hosts: readonly EngineHost[];
  private readonly directory: string | null;

  private constructor(hosts: readonly EngineHost[], directory: string | null) {
    this.hosts = hosts;
    this.directory = directory;
  }

  static create(plan: RunPlan): EngineHosts {
    const needsFiles = plan.engine === 'sqlite' || plan.engine === 'lmdb';
    const directory = needsFiles ? mkdtempSync(join(tmpdir(), 'quorate-simulation-')) : null;
    const hosts = Array.from(
      { length: plan.members + plan.spares },
      (_, host) =>
        new EngineHost(mediumOf(plan.engine, host, directory), streamOf(plan.seed, `engine.${host}`)),
    );
    return new EngineHosts(hosts, directory);
  }

  of(host: number): EngineHost {
    const found = this.hosts[host];
    if (found === undefined) {
      throw new RangeError(`there is no host ${host}`);
    }
    return found;
  }

  /** Closes the engines and removes their files. */
  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.close()));
    if (this.directory !== null) {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }
}

function mediumOf(kind: EngineKind, host: number, directory: string | null): EngineMedium {
  const pathOf = (generation: number): string => join(directory ?? '', `n${host + 1}-${generation}`);
  switch (kind) {
    case 'memory':
      return volatileMedium();
    case 'durable-memory':
      return durableMemoryMedium();
    case 'sqlite': {
      const open = (generation: number): SqliteEngine => SqliteEngine.open({ directory: pathOf(generation) });
      return { open, isPersistent: true, reopens: true };
    }
    case 'lmdb': {
      const open = (generation: number): LmdbEngine => LmdbEngine.open({ directory: pathOf(generation) });
      return { open, isPersistent: true, reopens: false };
    }
  }
}
