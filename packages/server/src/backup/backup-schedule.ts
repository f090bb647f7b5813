import type { Clock, Logger, Timer } from '@quorate/replica';
import type { FileSystem } from '@quorate/storage';
import { nameOfPart, saveBackup } from './backup-file.ts';
import { type BackedUpMember, openBackup } from './backup-stream.ts';

export type BackupScheduleOptions = {
  readonly member: BackedUpMember;
  /** Whose backups they are: their files begin with it. */
  readonly name: string;
  /** Created if its parent exists. Other files in it are left alone. */
  readonly directory: string;
  readonly intervalMs: number;
  /** How many backups stay, the newest. */
  readonly keep: number;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** However long the interval is, an attempt that failed is repeated after this. */
const retryMs = 60_000;

/**
 * Saves backups of one member to a directory, one each interval, and removes those beyond `keep`. After a restart it
 * goes on when the newest file says that it is time. What fails is logged, tried again, and never costs an older
 * backup.
 */
export class BackupSchedule {
  private readonly options: BackupScheduleOptions;
  private timer: Timer | null = null;
  private running: Promise<void> = Promise.resolve();
  private backup: { close(): void } | null = null;
  private isStopped = false;

  constructor(options: BackupScheduleOptions) {
    this.options = options;
  }

  /** Called once. */
  start(): void {
    this.running = this.firstDelayMs().then(
      (delayMs) => this.schedule(delayMs),
      () => this.schedule(0), // Saving will meet the same, and report it.
    );
  }

  /** Gives up a backup under way, and resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.timer?.cancel();
    this.backup?.close();
    await this.running;
  }

  private schedule(delayMs: number): void {
    if (this.isStopped) return;
    this.timer = this.options.clock.setTimer(delayMs, () => {
      this.running = this.save().then((nextMs) => this.schedule(nextMs));
    });
  }

  private async firstDelayMs(): Promise<number> {
    const { intervalMs, clock } = this.options;
    const newest = (await this.files()).at(-1);
    if (newest === undefined) return 0;
    return Math.min(intervalMs, Math.max(0, newest.madeMs + intervalMs - clock.wallMs()));
  }

  /** Resolves with how long to wait for the next one. */
  private async save(): Promise<number> {
    const { directory, name, member, fileSystem, clock, logger, intervalMs } = this.options;
    const file = `${directory}/${fileName(name, clock.wallMs())}`;
    try {
      await fileSystem.makeDirectory(directory);
      await this.removeParts();
      const backup = openBackup(member);
      this.backup = backup;
      try {
        const { sizeBytes } = await saveBackup(fileSystem, file, backup.bytes);
        const { revision } = backup;
        logger.info({ file, sizeBytes, revision }, `saved a backup of revision ${revision} to ${file}`);
      } finally {
        this.backup = null;
        backup.close();
      }
      await this.removeOld();
      return intervalMs;
    } catch (error) {
      if (!this.isStopped) {
        const reason = error instanceof Error ? error.message : String(error);
        logger.error({ err: error, file }, `could not save a backup, and tries again soon: ${reason}`);
      }
      return Math.min(intervalMs, retryMs);
    }
  }

  /** Of backups during which the process died. Each may be as large as the data, and nobody else removes them. */
  private async removeParts(): Promise<void> {
    const { directory, fileSystem, name } = this.options;
    for (const part of await fileSystem.list(directory)) {
      const file = nameOfPart(part);
      if (file !== null && madeAt(name, file) !== null) await fileSystem.remove(`${directory}/${part}`);
    }
  }

  private async removeOld(): Promise<void> {
    const { directory, fileSystem, keep, logger } = this.options;
    const files = await this.files();
    for (const { name } of files.slice(0, Math.max(0, files.length - keep))) {
      await fileSystem.remove(`${directory}/${name}`);
      logger.debug({ file: name }, 'removed an old backup');
    }
  }

  /** This member's backups, the oldest first. */
  private async files(): Promise<readonly { readonly name: string; readonly madeMs: number }[]> {
    const names = await this.options.fileSystem.list(this.options.directory);
    return names
      .flatMap((name) => {
        const madeMs = madeAt(this.options.name, name);
        return madeMs === null ? [] : [{ name, madeMs }];
      })
      .toSorted((a, b) => a.madeMs - b.madeMs);
  }
}

/** `n1-20261125T161314Z.snapshot` */
function fileName(name: string, wallMs: number): string {
  const time = new Date(Math.floor(wallMs / 1000) * 1000).toISOString().replace('.000', '');
  return `${name}-${time.replaceAll(/[-:]/g, '')}.snapshot`;
}

function madeAt(name: string, file: string): number | null {
  if (!file.startsWith(`${name}-`)) return null;
  const stamp = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.snapshot$/.exec(file.slice(name.length + 1));
  if (stamp === null) return null;
  const [year = 0, month = 1, day = 1, hours = 0, minutes = 0, seconds = 0] = stamp.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hours, minutes, seconds);
}
