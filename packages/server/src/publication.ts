import type { Call, Clock, Logger, Replica, Timer } from '@quorate/replica';
import { ReplicaError } from '@quorate/replica';

export type PublicationOptions = {
  readonly member: Pick<Replica, 'propose' | 'linearize' | 'status'> & {
    readonly store: Pick<Replica['store'], 'memberAttributes'>;
  };
  readonly name: string;
  readonly clientUrls: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long one attempt may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Called before anything is published. What it rejects with is what the attempt fails with. */
  readonly publishing: (call: Call) => Promise<void>;
  /** Called once, when the cluster knows and has answered this member since it started. */
  readonly published: () => void;
};

/** Waits between attempts: an attempt already waits for a leader, so these are seldom needed. */
const retryMs = 500;

/**
 * Tells the cluster how clients call and reach this member, through the log, so that every member answers
 * MemberList alike. Tried until it is applied; it is the same each time, so that repeating does no harm.
 */
export class Publication {
  private readonly options: PublicationOptions;
  private readonly stopping = new AbortController();
  private timer: Timer | null = null;
  private wake: (() => void) | null = null;
  private done: Promise<void> = Promise.resolve();

  constructor(options: PublicationOptions) {
    this.options = options;
  }

  /** Called once. */
  start(): void {
    this.done = this.run();
  }

  /** Gives up if it is still being tried, and resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.timer?.cancel();
    this.wake?.();
    await this.done;
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.attempt();
        this.options.published();
        return;
      } catch (error) {
        if (error instanceof ReplicaError && error.code === 'stopped') return;
        if (!(error instanceof ReplicaError)) {
          this.options.logger.error({ err: error }, 'could not publish the attributes of this member');
          return;
        }
        this.options.logger.debug({ err: error }, 'could not publish the attributes of this member yet');
        await this.pause();
      }
    }
  }

  /** Resolves when the cluster has agreed to what is published, or to something later if it knew that before. */
  private async attempt(): Promise<void> {
    const { member, name, clientUrls, clock, timeoutMs } = this.options;
    const { memberId } = member.status();
    const call = { deadlineMs: clock.monotonicMs() + timeoutMs, signal: this.stopping.signal };
    if (this.isPublished()) {
      await member.linearize(call);
    } else {
      await this.options.publishing(call);
      const publishMember = { memberId, name, clientUrls: [...clientUrls] };
      await member.propose({ $case: 'publishMember', publishMember }, call);
    }
  }

  private isPublished(): boolean {
    const { member, name, clientUrls } = this.options;
    const published = member.store.memberAttributes().get(member.status().memberId);
    return published?.name === name && published.clientUrls.join(',') === clientUrls.join(',');
  }

  private async pause(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    this.timer = this.options.clock.setTimer(retryMs, resolve);
    await promise;
  }
}
