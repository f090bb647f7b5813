import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Engine,
  type EngineBatch,
  EngineError,
  type EngineView,
  MemoryEngine,
  type StoredRecord,
} from '@quorate/kv';
import type { Life } from '../host/life.ts';
import type { RandomStream } from '../kernel/random-stream.ts';

/** Opens a real engine on a directory that exists and belongs to it. */
export type EngineOpener = (directory: string) => Engine;

/**
 * Where one host's engine lives: it outlives the processes that open it.
 *
 * The contract of `Engine` is modelled by what it promises, in commits: a process that dies loses nothing, a
 * power loss takes the latest commits since the last `sync`, in order and whole. So the host keeps the list of
 * commits, and a power loss replays what is left of it into an empty engine. That is sound for the real
 * engines too, whose files it replaces; what a power loss does to their pages is theirs to survive, and is not
 * simulated.
 */
export class EngineHost {
  private readonly random: RandomStream;
  private readonly isPersistent: boolean;
  private readonly openInner: () => Engine;
  private readonly eraseInner: () => void;
  private inner: Engine | null = null;
  private commits: EngineBatch[] = [];
  private syncedCommits = 0;
  /** How many of the next commits fail. */
  failingCommits = 0;

  private constructor(parts: {
    readonly random: RandomStream;
    readonly isPersistent: boolean;
    readonly open: () => Engine;
    readonly erase: () => void;
  }) {
    this.random = parts.random;
    this.isPersistent = parts.isPersistent;
    this.openInner = parts.open;
    this.eraseInner = parts.erase;
  }

  /** Everything is gone when the process is. */
  static volatile(random: RandomStream): EngineHost {
    return new EngineHost({
      random,
      isPersistent: false,
      open: () => new MemoryEngine(),
      erase: () => undefined,
    });
  }

  /** Keeps commits as a real engine does, in memory. */
  static durable(random: RandomStream): EngineHost {
    let engine = new MemoryEngine();
    const erase = (): void => {
      engine = new MemoryEngine();
    };
    return new EngineHost({ random, isPersistent: true, open: () => engine, erase });
  }

  /** A real engine on files in `directory`. */
  static onFiles(
    random: RandomStream,
    directory: string,
    names: readonly string[],
    open: EngineOpener,
  ): EngineHost {
    const erase = (): void => {
      for (const name of names) {
        rmSync(join(directory, name), { recursive: true, force: true });
      }
    };
    return new EngineHost({ random, isPersistent: true, open: () => open(directory), erase });
  }

  /** The engine, for a process of this host. */
  open(life: Life): Engine {
    this.inner?.close();
    this.inner = this.openInner();
    return new HostedEngine(this, this.inner, life, this.isPersistent);
  }

  /** The process is gone; what it had committed is not, unless the engine keeps nothing. */
  processDied(): void {
    this.inner?.close();
    this.inner = null;
    if (!this.isPersistent) {
      this.commits = [];
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
      this.eraseInner();
      const engine = this.openInner();
      for (const batch of this.commits) {
        engine.commit(batch);
      }
      engine.close();
    }
    return lost;
  }

  close(): void {
    this.inner?.close();
    this.inner = null;
  }

  recordCommit(batch: EngineBatch): void {
    if (this.failingCommits > 0) {
      this.failingCommits -= 1;
      throw new EngineError('failed', 'the simulated disk failed under the engine');
    }
    if (this.isPersistent) {
      this.commits.push(batch);
    }
  }

  recordSync(): void {
    this.syncedCommits = this.commits.length;
  }
}

/** What one process sees of its host's engine. Once the process is dead, nothing that it does has any effect. */
class HostedEngine implements Engine {
  readonly isPersistent: boolean;
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

  openView(): EngineView {
    return this.inner.openView();
  }

  sync(): void {
    if (this.life.alive) {
      this.host.recordSync();
      this.inner.sync();
    }
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    return this.inner.size();
  }

  /** The host closes the engine when the process is gone. */
  close(): void {
    if (this.life.alive) {
      this.host.close();
    }
  }
}
