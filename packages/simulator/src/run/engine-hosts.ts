import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineHost } from '../cluster/engine-host.ts';
import { streamOf } from '../kernel/random-stream.ts';
import type { RunPlan } from '../plan/plan.ts';

/** The engines of all hosts of a run, and the temporary directory of those that need files. */
export class EngineHosts {
  private readonly hosts: readonly EngineHost[];
  private readonly directory: string | null;

  private constructor(hosts: readonly EngineHost[], directory: string | null) {
    this.hosts = hosts;
    this.directory = directory;
  }

  static create(plan: RunPlan): EngineHosts {
    const numbers = Array.from({ length: plan.members }, (_, host) => host);
    const randomOf = (host: number) => streamOf(plan.seed, `engine.${host}`);
    switch (plan.engine) {
      case 'memory':
        return new EngineHosts(
          numbers.map((host) => EngineHost.volatile(randomOf(host))),
          null,
        );
      case 'durable-memory':
        return new EngineHosts(
          numbers.map((host) => EngineHost.durable(randomOf(host))),
          null,
        );
      case 'sqlite':
      case 'lmdb':
        throw new Error('the engine is not there yet');
    }
  }

  of(host: number): EngineHost {
    const found = this.hosts[host];
    if (found === undefined) {
      throw new RangeError(`there is no host ${host}`);
    }
    return found;
  }

  /** Closes the engines and removes their files. */
  close(): void {
    for (const host of this.hosts) {
      host.close();
    }
    if (this.directory !== null) {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }
}
