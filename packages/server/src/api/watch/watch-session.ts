import type { WatchStream } from '@quorate/kv';
import type { WatchRequest } from '@quorate/protocol';
import type { Random, Timer } from '@quorate/replica';
import { EncodedMessages } from '../api-method.ts';
import type { Member } from '../member.ts';
import type { StreamContext } from '../stream-context.ts';
import { Wakeup } from '../wakeup.ts';
import { encodeResponses, type MakeHeader } from './watch-responses.ts';

export type WatchSettings = {
  /** How often watchers that want to know are told how far they have seen everything, in milliseconds. */
  readonly progressIntervalMs: number;
  /** Events that take this many bytes or more are split, for watchers that allow it. */
  readonly fragmentBytes: number;
  readonly random: Random;
};

/** Progress is told up to this part later than the interval says, so that not all streams have their turn at once. */
const progressJitter = 0.1;

/** Responses that are ready are sent together, as long as they take less. */
const batchMaxBytes = 64 * 1024;

/**
 * One client's stream of watches: carries its requests to the state machine's stream, and what that has to tell to
 * the client, at the client's pace.
 */
export class WatchSession {
  private readonly member: Member;
  private readonly settings: WatchSettings;
  private readonly context: StreamContext;
  private readonly stream: WatchStream;
  /** Wakes who sends: there is something to tell, or the stream is over. */
  private readonly sender = new Wakeup();
  /** Wakes who receives: there is room, or the stream is over. */
  private readonly receiver = new Wakeup();
  private progressTimer: Timer | null = null;
  private fault: { readonly error: unknown } | null = null;

  /** Throws a StoreError if the member cannot serve watches now. */
  constructor(member: Member, settings: WatchSettings, context: StreamContext) {
    this.member = member;
    this.settings = settings;
    this.context = context;
    this.stream = member.store.watch(() => this.sender.wake());
  }

  /** Serves until the stream is over. A client that has sent its last request is still told what happens. */
  async *serve(requests: AsyncIterable<WatchRequest>): AsyncGenerator<EncodedMessages> {
    const { signal } = this.context;
    signal.addEventListener('abort', this.onAbort);
    this.receive(requests).catch((error: unknown) => {
      this.fault = { error };
      this.sender.wake();
    });
    try {
      while (!signal.aborted) {
        if (this.fault !== null) throw this.fault.error;
        const messages = this.takeBatch();
        if (messages.length === 0) await this.sender.wait();
        else yield new EncodedMessages(messages);
      }
    } finally {
      signal.removeEventListener('abort', this.onAbort);
      this.progressTimer?.cancel();
      this.stream.close();
    }
  }

  /** What is there to tell now, as far as it may be sent together. */
  private takeBatch(): readonly Uint8Array[] {
    const { clusterId, memberId, term } = this.member.status();
    const header: MakeHeader = (revision) => ({ clusterId, memberId, revision, raftTerm: term });
    const messages: Uint8Array[] = [];
    let bytes = 0;
    while (bytes < batchMaxBytes) {
      const notice = this.stream.take();
      if (notice === null) break;
      for (const message of encodeResponses(notice, header, this.settings.fragmentBytes)) {
        messages.push(message);
        bytes += message.length;
      }
    }
    if (messages.length > 0 && this.stream.hasRoom) this.receiver.wake();
    return messages;
  }

  private async receive(requests: AsyncIterable<WatchRequest>): Promise<void> {
    for await (const { requestUnion } of requests) {
      // A client that asks and does not listen has to wait.
      while (!this.stream.hasRoom && !this.context.signal.aborted) await this.receiver.wait();
      if (this.context.signal.aborted) return;
      switch (requestUnion?.$case) {
        case 'createRequest':
          this.stream.create(requestUnion.createRequest);
          if (requestUnion.createRequest.progressNotify) this.tellProgress();
          break;
        case 'cancelRequest':
          this.stream.cancel(requestUnion.cancelRequest.watchId);
          break;
        case 'progressRequest':
          this.stream.requestProgress();
          break;
        case undefined:
          break; // As etcd, which does not end the stream for a request that says nothing.
      }
    }
  }

  /** Begins to tell progress at intervals, unless that has begun. */
  private tellProgress(): void {
    if (this.progressTimer !== null) return;
    const { progressIntervalMs, random } = this.settings;
    const delayMs = progressIntervalMs + random.integer(Math.ceil(progressIntervalMs * progressJitter) + 1);
    this.progressTimer = this.member.clock.setTimer(delayMs, () => {
      this.progressTimer = null;
      this.stream.tellProgress();
      this.tellProgress();
    });
  }

  private readonly onAbort = (): void => {
    this.sender.wake();
    this.receiver.wake();
  };
}
