import type { Clock, Timer } from '@quorate/replica';
import type { File, FileSystem } from '@quorate/storage';
import type { CpuMeter } from './cpu-meter.ts';

/** The host's clock; what it calls back is the member's time. */
export class MeteredClock implements Clock {
  readonly #meter: CpuMeter;
  readonly #member: number;

  constructor(meter: CpuMeter, member: number) {
    this.#meter = meter;
    this.#member = member;
  }

  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = setTimeout(() => {
      this.#meter.switchTo(this.#member);
      callback();
    }, delayMs);
    return { cancel: () => clearTimeout(timer) };
  }

  defer(callback: () => void): void {
    setImmediate(() => {
      this.#meter.switchTo(this.#member);
      callback();
    });
  }
}

/** The real disk; what follows a finished operation is the member's time. Counts what a log does. */
export class MeteredFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #meter: CpuMeter;
  readonly #member: number;
  syncs = 0;
  writtenBytes = 0;

  constructor(inner: FileSystem, meter: CpuMeter, member: number) {
    this.#inner = inner;
    this.#meter = meter;
    this.#member = member;
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<File> {
    const file = await this.#inner.open(path, mode);
    return {
      size: () => this.#metered(file.size()),
      read: (target, position) => this.#metered(file.read(target, position)),
      write: (source, position) => {
        this.writtenBytes += source.length;
        return this.#metered(file.write(source, position));
      },
      sync: () => {
        this.syncs += 1;
        return this.#metered(file.sync());
      },
      close: () => this.#metered(file.close()),
    };
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#metered(this.#inner.list(directory));
  }

  makeDirectory(path: string): Promise<boolean> {
    return this.#metered(this.#inner.makeDirectory(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#metered(this.#inner.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#metered(this.#inner.remove(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#metered(this.#inner.syncDirectory(path));
  }

  lock(path: string): ReturnType<FileSystem['lock']> {
    return this.#metered(this.#inner.lock(path));
  }

  async #metered<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      this.#meter.switchTo(this.#member);
    }
  }
}
