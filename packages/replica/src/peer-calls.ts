import { StoreError } from '@quorate/kv';
import type { MemberId } from '@quorate/raft';
import { StorageError } from '@quorate/storage';
import {
  type PeerAnswer,
  PeerCallError,
  type PeerRefusal,
  PeerRefused,
  type PeerRequest,
  type PeerResponse,
  type ResponseTo,
} from './peer-call.ts';
import type { Clock } from './ports.ts';
import { ReplicaError } from './replica-error.ts';
import type { Call } from './call.ts';

/** What keeps calls between two members bounded, in each direction. */
export type PeerCallLimits = {
  /** Calls to one peer that wait for an answer. */
  readonly waitingMax: number;
  /** Calls of one peer that are being answered. */
  readonly answeringMax: number;
};

export const defaultPeerCallLimits: PeerCallLimits = { waitingMax: 256, answeringMax: 256 };

/** What became of an attempt to send a call. */
export type CallSending = 'sent' | 'unreachable' | 'overloaded' | 'too-large';

export type PeerCallsOptions = {
  readonly clock: Clock;
  readonly limits?: PeerCallLimits;
  /** Sends a call; `id` comes back with its answer. Never blocks and never throws. */
  readonly send: (peer: MemberId, id: number, request: PeerRequest) => CallSending;
  /** Does what a peer asks. */
  readonly asked: (from: MemberId, request: PeerRequest) => Promise<PeerResponse>;
};

type WaitingCall = {
  readonly peer: MemberId;
  readonly type: PeerRequest['type'];
  /** Settles the call and forgets it. */
  readonly settle: (outcome: PeerResponse | PeerCallError) => void;
};

/**
 * The calls of one member to its peers and from them: matches answers with calls, keeps their deadlines and
 * their bounds. A part of every transport, which only has to carry numbered calls and answers: each at most
 * once, and an answer only to the process that made the call.
 */
export class PeerCalls {
  private readonly options: PeerCallsOptions;
  private readonly limits: PeerCallLimits;
  private readonly waiting = new Map<number, WaitingCall>();
  private readonly answering = new Map<MemberId, number>();
  private nextId = 1;
  private closed = false;

  constructor(options: PeerCallsOptions) {
    this.options = options;
    this.limits = options.limits ?? defaultPeerCallLimits;
  }

  /** Calls without an answer, to all peers. */
  get waitingCount(): number {
    return this.waiting.size;
  }

  /** Asks a peer. Rejects with a `PeerCallError`, at the call's deadline at the latest. */
  async call<Request extends PeerRequest>(
    peer: MemberId,
    request: Request,
    call: Call,
  ): Promise<ResponseTo<Request>> {
    if (call.signal?.aborted === true) {
      throw new PeerCallError('cancelled', 'the caller gave up');
    }
    if (this.closed) {
      throw new PeerCallError('unreachable', 'the transport is closed');
    }
    if (this.waitingFor(peer) >= this.limits.waitingMax) {
      throw new PeerCallError('overloaded', `${this.limits.waitingMax} calls wait for this peer already`);
    }
    const id = this.nextId;
    this.nextId += 1;
    const sending = this.options.send(peer, id, request);
    if (sending !== 'sent') {
      throw new PeerCallError(sending, explanations[sending]);
    }
    return this.wait(id, peer, request, call) as Promise<ResponseTo<Request>>;
  }

  /** A peer answered. Answers that nobody waits for any more are dropped. */
  answered(peer: MemberId, id: number, answer: PeerAnswer): void {
    const call = this.waiting.get(id);
    if (call === undefined || call.peer !== peer) {
      return;
    }
    if (!answer.ok) {
      const { code, message } = answer.refusal;
      call.settle(new PeerCallError('refused', `the peer refused (${code}): ${message}`, answer.refusal));
    } else if (answer.response.type === call.type) {
      call.settle(answer.response);
    } else {
      const refusal = {
        code: 'internal',
        message: 'it answered with a response of another kind',
      };
      call.settle(new PeerCallError('refused', refusal.message, refusal));
    }
  }

  /** A peer asks; `reply` takes the answer back to it, unless its connection has ended by then. */
  asked(from: MemberId, request: PeerRequest, reply: (answer: PeerAnswer) => void): void {
    const answering = this.answering.get(from) ?? 0;
    if (answering >= this.limits.answeringMax) {
      reply(refuse('overloaded', `${answering} calls of this peer are being answered already`));
      return;
    }
    this.answering.set(from, answering + 1);
    const done = (answer: PeerAnswer): void => {
      const left = (this.answering.get(from) ?? 1) - 1;
      if (left === 0) {
        this.answering.delete(from);
      } else {
        this.answering.set(from, left);
      }
      if (!this.closed) {
        reply(answer);
      }
    };
    this.options.asked(from, request).then(
      (response) => done({ ok: true, response }),
      (error: unknown) => done({ ok: false, refusal: refusalOf(error) }),
    );
  }

  /** The connection over which this peer was asked has ended: nobody knows what became of the calls. */
  lost(peer: MemberId): void {
    for (const call of this.waiting.values()) {
      if (call.peer === peer) {
        call.settle(new PeerCallError('unreachable', 'the connection ended before the answer came'));
      }
    }
  }

  /** Ends all calls. */
  close(): void {
    this.closed = true;
    for (const call of this.waiting.values()) {
      call.settle(new PeerCallError('unreachable', 'the transport is closed'));
    }
  }

  private async wait(
    id: number,
    peer: MemberId,
    request: PeerRequest,
    { deadlineMs, signal }: Call,
  ): Promise<PeerResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<PeerResponse>();
    const { clock } = this.options;
    const settle = (outcome: PeerResponse | PeerCallError): void => {
      this.waiting.delete(id);
      timer.cancel();
      signal?.removeEventListener('abort', cancel);
      if (outcome instanceof PeerCallError) {
        reject(outcome);
      } else {
        resolve(outcome);
      }
    };
    const cancel = (): void => settle(new PeerCallError('cancelled', 'the caller gave up'));
    const timer = clock.setTimer(Math.max(0, deadlineMs - clock.monotonicMs()), () =>
      settle(new PeerCallError('timed-out', 'no answer came before the deadline')),
    );
    signal?.addEventListener('abort', cancel, { once: true });
    this.waiting.set(id, { peer, type: request.type, settle });
    return promise;
  }

  private waitingFor(peer: MemberId): number {
    let count = 0;
    for (const call of this.waiting.values()) {
      count += call.peer === peer ? 1 : 0;
    }
    return count;
  }
}

const explanations: Readonly<Record<Exclude<CallSending, 'sent'>, string>> = {
  unreachable: 'the peer is not connected',
  overloaded: 'too much waits to be sent to the peer',
  'too-large': 'the request is too large for a call between members',
};

/** A refusal, as an answer. */
export function refuse(code: string, message: string): PeerAnswer {
  return { ok: false, refusal: { code, message } };
}

function refusalOf(error: unknown): PeerRefusal {
  if (
    error instanceof ReplicaError ||
    error instanceof StoreError ||
    error instanceof StorageError ||
    error instanceof PeerRefused
  ) {
    return { code: error.code, message: error.message };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}
