import type { Call } from '@quorate/replica';
import { ApiError } from '../api-error.ts';
import type { CallContext } from '../call-context.ts';
import { replicaFailure } from '../error-table.ts';
import type { Member } from '../member.ts';

/**
 * A call that may last as long as its client wants to wait. `signal` is aborted when the client has gone, when its
 * time is up, or when the server stops; `failure` tells which.
 */
export class Waiting {
  readonly signal: AbortSignal;
  private readonly controller = new AbortController();
  private readonly member: Member;
  private readonly context: CallContext;
  private readonly release: () => void;
  private reason: ApiError | null = null;

  constructor(member: Member, context: CallContext, stopping: AbortSignal) {
    this.member = member;
    this.context = context;
    this.signal = this.controller.signal;
    const gone = (): void => this.end(replicaFailure('cancelled'));
    const stopped = (): void => this.end(replicaFailure('stopped'));
    const late = (): void =>
      this.end(new ApiError('deadline-exceeded', 'context deadline exceeded', 'unknown'));
    const leftMs = context.patienceMs - member.clock.monotonicMs();
    const timer = leftMs === Infinity ? null : member.clock.setTimer(leftMs, late);
    context.signal.addEventListener('abort', gone);
    stopping.addEventListener('abort', stopped);
    if (context.signal.aborted) gone();
    if (stopping.aborted) stopped();
    this.release = () => {
      timer?.cancel();
      context.signal.removeEventListener('abort', gone);
      stopping.removeEventListener('abort', stopped);
    };
  }

  /** Why it is over; null while it is not. */
  get failure(): ApiError | null {
    return this.reason;
  }

  /** For a piece of work that may be left undone when the waiting is over. */
  piece(): Call {
    return { ...this.wholePiece(), signal: this.signal };
  }

  /** For a piece of work whose outcome must be known, whoever waits for it. */
  wholePiece(): Call {
    return { deadlineMs: this.member.clock.monotonicMs() + this.context.pieceMaxMs };
  }

  close(): void {
    this.release();
  }

  private end(reason: ApiError): void {
    this.reason ??= reason;
    this.controller.abort();
  }
}
