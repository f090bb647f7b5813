import {
  type Engine,
  type EngineBatch,
  EngineError,
  type EngineView,
  MemoryEngine,
  type PositionedRecord,
  type StoredRecord,
} from '@quorate/kv';
import type { Life } from '../host/life.ts';
import type { RandomStream } from '../kernel/random-stream.ts';

/** How the engine of a host behaves when its process ends. */
export type EngineMedium = {
  /** Opens the engine. `generation` is new whenever it must be empty. */
  readonly open: (generation: number) => Engine;
  /** False if nothing outlives the process. */
  readonly isPersistent: boolean;
  /**
   * Each process opens the engine anew. Only for an engine that has closed when `close` returns, before its
   * promise settles: inside a simulation nobody can wait for real I/O. Any other stays open all the time, and a
   * process finds in it what it would find on the disk.
   */
  readonly reopens: boolean;
};

/**
 * Where one host's engine lives: it outlives the processes that use it.
 *
 * The contract of `Engine` is modelled by what it promises, in commits: a process that dies loses nothing, a
 * power loss takes the latest commits since the last `sync`, in order and whole. So the host keeps the list of
 * commits, and a power loss replays what is left of it into an empty engine. That is sound for the real
 * engines too; what a power loss does to the pages of their files is theirs to survive, and is not simulated.
 */
export class EngineHost {
  private readonly medium: EngineMedium;
  private readonly random: RandomStream;
  private engine: Engine | null = null;
  private generation = 0;
  private commits: EngineBatch[] = [];
  private syncedCommits = 0;
  private readonly closing: Promise<void>[] = [];
  /** How many of the next commits fail. */
  failingCommits = 0;

  constructor(medium: EngineMedium, random: RandomStream) {
    this.medium = medium;
    this.random = random;
  }

  /** The engine, for a process of this host. */
  open(life: Life): Engine {
    this.engine ??= this.medium.open(this.generation);
    return new HostedEngine(this, this.engine, life, this.medium.isPersistent);
  }

  /** The process is gone; what it had committed is not, unless the engine keeps nothing. */
  processDied(): void {
    if (!this.medium.isPersistent) {
      this.retire();
      this.generation += 1;
    } else if (this.medium.reopens) {
      this.retire();
    }
  }

  /** Takes the latest commits, after `processDied`. Returns how many are lost. */
  losePower(): number {
    const losable = this.commits.length - this.syncedCommits;
    if (losable === 0) {
      return 0;
    }
    const lost = this.random.pick([0, 1, this.random.integer(losable + 1), losable]);
    if (lost > 0) {
      this.commits.length -= lost;
      this.retire();
      this.generation += 1;
      this.engine = this.medium.open(this.generation);
      for (const batch of this.commits) {
        this.engine.commit(batch);
      }
    }
    return lost;
  }

  /** For the end of the run. */
  async close(): Promise<void> {
    this.retire();
    await Promise.all(this.closing);
  }

  recordCommit(batch: EngineBatch): void {
    if (this.failingCommits > 0) {
      this.failingCommits -= 1;
      throw new EngineError('failed', 'the simulated disk failed under the engine');
    }
    if (this.medium.isPersistent) {
      this.commits.push(batch);
    }
  }

  recordSync(): void {
    this.syncedCommits = this.commits.length;
  }

  private retire(): void {
    if (this.engine !== null) {
      this.closing.push(this.engine.close());
      this.engine = null;
    }
  }
}

/** Rebuilt from the log at each start. */
export function volatileMedium(): EngineMedium {
  return { open: () => new MemoryEngine(), isPersistent: false, reopens: false };
}

/** Keeps commits as a real engine does, in memory. */
export function durableMemoryMedium(): EngineMedium {
  return { open: () => new MemoryEngine(), isPersistent: true, reopens: false };
}

/** What one process sees of its host's engine. Once the process is dead, nothing that it does has any effect. */
class HostedEngine implements Engine {
  readonly isPersistent: boolean;
  readonly upkeep = 'done';
  private readonly host: EngineHost;
  private readonly inner: Engine;
  private readonly life: Life;

  constructor(host: EngineHost, inner: Engine, life: Life, isPersistent: boolean) {
    this.host = host;
    this.inner = inner;
    this.life = life;
    this.isPersistent = isPersistent;
  }

  commit(batch: EngineBatch): void {
    if (this.life.alive) {
      this.host.recordCommit(batch);
      this.inner.commit(batch);
    }
  }

  read(position: number): StoredRecord | null {
    return this.inner.read(position);
  }

  readFrom(position: number, maxRecords: number): readonly PositionedRecord[] {
    return this.inner.readFrom(position, maxRecords);
  }

  openView(): EngineView {
    return this.inner.openView();
  }

  async sync(): Promise<void> {
    if (this.life.alive) {
      this.host.recordSync();
      await this.inner.sync();
    }
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    return this.inner.size();
  }

  shrink(): boolean {
    return this.life.alive && this.inner.shrink();
  }

  /** Nothing to do: the host closes the engine when the process is gone. */
  async close(): Promise<void> {
    await Promise.resolve();
  }
}
