import { StoreError } from '@quorate/kv';
import { CompactionRequest } from '@quorate/protocol';
import type { MonotonicMs } from '@quorate/raft';
import type { Clock, Logger, Timer } from './ports.ts';
import type { Replica } from './replica.ts';

/** What of the past a cluster keeps. */
export type AutoCompactionPolicy =
  /** What was current at any time within the last so many milliseconds stays readable. */
  | { readonly mode: 'periodic'; readonly retentionMs: number }
  /** So many of the latest revisions stay readable. */
  | { readonly mode: 'revision'; readonly revisions: number };

export type AutoCompactionOptions = {
  readonly policy: AutoCompactionPolicy;
  readonly member: Pick<Replica, 'propose' | 'status'> & {
    readonly store: Pick<Replica['store'], 'revision'>;
  };
  readonly clock: Clock;
  readonly logger: Logger;
};

const hourMs = 3_600_000;
/** Into how many parts the time between two compactions is divided, which is how exactly ages are known. */
const samplesPerCompaction = 10;
/** How often revisions are counted. */
const revisionIntervalMs = 5 * 60_000;
/** How long a compaction may take to be agreed on; the next one comes anyway. */
const proposalTimeoutMs = 10_000;

/**
 * Compacts revisions by their age or by their number, as etcd does. Every member notes how old revisions are, and
 * the one that leads proposes the compaction; so a new leader knows as much as the one before.
 *
 * By age: the revision is noted ten times in each compaction interval, which is the retention, or an hour if that is
 * longer. The first compaction comes when the member has run for the retention, then one comes in each interval.
 */
export class AutoCompaction {
  private readonly options: AutoCompactionOptions;
  private readonly intervalMs: number;
  /** The revisions at the latest moments, oldest first. One more than fit into the retention. */
  private readonly noted: number[] = [];
  private lastCompaction: { readonly atMs: MonotonicMs; readonly revision: number } | null = null;
  private readonly startedMs: MonotonicMs;
  private timer: Timer | null = null;
  private attempt: Promise<void> | null = null;
  private readonly stopping = new AbortController();

  constructor(options: AutoCompactionOptions) {
    this.options = options;
    this.startedMs = options.clock.monotonicMs();
    this.intervalMs =
      options.policy.mode === 'revision'
        ? revisionIntervalMs
        : compactionIntervalMs(options.policy.retentionMs) / samplesPerCompaction;
  }

  /** Called once. */
  start(): void {
    this.note();
    this.arm();
  }

  /** Gives up what is under way, and resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.timer?.cancel();
    await this.attempt;
  }

  private arm(): void {
    this.timer = this.options.clock.setTimer(this.intervalMs, () => {
      this.arm();
      this.look();
    });
  }

  private look(): void {
    const { member } = this.options;
    const revision = this.dueRevision();
    this.note();
    const isNew = revision > 0 && revision !== this.lastCompaction?.revision;
    if (!isNew || this.attempt !== null || member.status().role !== 'leader') return;
    this.attempt = this.compact(revision).finally(() => {
      this.attempt = null;
    });
  }

  /** The revision that may be compacted now; 0 if it is not time. */
  private dueRevision(): number {
    const { policy, member, clock } = this.options;
    if (policy.mode === 'revision') return member.store.revision - policy.revisions;
    const { atMs, waitMs } =
      this.lastCompaction === null
        ? { atMs: this.startedMs, waitMs: policy.retentionMs }
        : { atMs: this.lastCompaction.atMs, waitMs: compactionIntervalMs(policy.retentionMs) };
    return clock.monotonicMs() - atMs < waitMs ? 0 : (this.noted[0] ?? 0);
  }

  private note(): void {
    const { policy, member } = this.options;
    if (policy.mode === 'revision') return;
    this.noted.push(member.store.revision);
    if (this.noted.length > Math.floor(policy.retentionMs / this.intervalMs)) this.noted.shift();
  }

  private async compact(revision: number): Promise<void> {
    const { member, clock, logger } = this.options;
    const call = { deadlineMs: clock.monotonicMs() + proposalTimeoutMs, signal: this.stopping.signal };
    try {
      await member.propose({ $case: 'compaction', compaction: CompactionRequest.create({ revision }) }, call);
      logger.info({ revision }, `compacted revisions before ${revision}, as configured`);
    } catch (error) {
      const isDone = error instanceof StoreError && error.code === 'compacted';
      if (!isDone) {
        logger.warn({ err: error, revision }, 'could not compact old revisions, and tries again later');
        return;
      }
    }
    this.lastCompaction = { atMs: clock.monotonicMs(), revision };
  }
}

function compactionIntervalMs(retentionMs: number): number {
  return Math.min(retentionMs, hourMs);
}
