import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { MemberId } from '@quorate/raft';
import { PeerCallError, type PeerCallErrorCode, type PeerRequest, type PeerResponse } from '../peer-call.ts';
import { defaultPeerCallLimits } from '../peer-calls.ts';
import type { PeerTransport } from '../ports.ts';
import { ReplicaError } from '../replica-error.ts';
import type { Call } from '../call.ts';

/** Two connected members, of which the first asks and the second answers. */
export type TransportsUnderTest = {
  readonly caller: PeerTransport;
  readonly peer: MemberId;
  /** The time on the caller's clock. */
  readonly nowMs: () => number;
  /** Lets that much time pass for the caller. */
  readonly pass: (ms: number) => Promise<void>;
  /** What the peer answers from now on. */
  readonly answerWith: (answer: (request: PeerRequest) => Promise<PeerResponse>) => void;
  /** Lets things happen until the condition holds. */
  readonly until: (condition: () => boolean) => Promise<void>;
  /** The peer's process ends; its host closes its connections. */
  readonly endPeer: () => Promise<void>;
  readonly tearDown: () => Promise<void>;
};

export const pong: PeerResponse = { type: 'ping', wallMs: 1_000, version: '1.2.3' };

/** What calls over every `PeerTransport` must do. */
export function testPeerCalls(name: string, setUp: () => Promise<TransportsUnderTest>): void {
  describe(`calls over ${name}`, () => {
    let world: TransportsUnderTest;
    beforeEach(async () => {
      world = await setUp();
    });
    afterEach(async () => world.tearDown());

    const ping = (call: Partial<Call> = {}): Outcome =>
      new Outcome(
        world.caller.call(world.peer, { type: 'ping' }, { deadlineMs: world.nowMs() + 60_000, ...call }),
      );
    const settled = async (outcome: Outcome): Promise<Outcome> => {
      await world.until(() => outcome.settled);
      return outcome;
    };
    /** The peer takes calls and never answers; resolves when it has taken `count`. */
    const takenWithoutAnswer = (): ((count: number) => Promise<void>) => {
      let taken = 0;
      world.answerWith(async () => {
        taken += 1;
        return new Promise(() => undefined);
      });
      return async (count) => world.until(() => taken === count);
    };

    test('a call is answered', async () => {
      assert.deepEqual((await settled(ping())).response, pong);
    });

    test('calls are answered in any order, each with its own answer', async () => {
      const answers: ((response: PeerResponse) => void)[] = [];
      world.answerWith(async () => new Promise((resolve) => answers.push(resolve)));
      const outcomes = [ping(), ping(), ping()];
      await world.until(() => answers.length === 3);
      for (const [number, answer] of [...answers.entries()].reverse()) {
        answer({ type: 'ping', wallMs: number, version: '' });
      }
      await world.until(() => outcomes.every((outcome) => outcome.settled));
      const times = outcomes.map((outcome) =>
        outcome.response?.type === 'ping' ? outcome.response.wallMs : null,
      );
      assert.deepEqual(new Set(times), new Set([0, 1, 2]));
    });

    test('a refusal carries the code and the words of the error', async () => {
      world.answerWith(async () => {
        throw new ReplicaError('not-leader', 'ask another one');
      });
      const outcome = await settled(ping());
      outcome.assertFailed('refused');
      assert.deepEqual(outcome.error?.refusal, { code: 'not-leader', message: 'ask another one' });
    });

    test('an error that nobody expected is refused as internal', async () => {
      world.answerWith(async () => {
        throw new TypeError('oh');
      });
      assert.deepEqual((await settled(ping())).error?.refusal, { code: 'internal', message: 'oh' });
    });

    test('a call ends at its deadline, and a late answer changes nothing', async () => {
      const late = Promise.withResolvers<PeerResponse>();
      let asked = false;
      world.answerWith(async () => {
        asked = true;
        return late.promise;
      });
      const outcome = ping({ deadlineMs: world.nowMs() + 100 });
      await world.until(() => asked);
      await world.pass(100);
      (await settled(outcome)).assertFailed('timed-out');
      late.resolve(pong);
      world.answerWith(async () => pong);
      assert.deepEqual((await settled(ping())).response, pong);
    });

    test('a caller may give up', async () => {
      const abort = new AbortController();
      const taken = takenWithoutAnswer();
      const outcome = ping({ signal: abort.signal });
      await taken(1);
      abort.abort();
      (await settled(outcome)).assertFailed('cancelled');
      (await settled(ping({ signal: abort.signal }))).assertFailed('cancelled');
    });

    test('a call to a process that ends is unreachable at once, and so is the next', async () => {
      const taken = takenWithoutAnswer();
      const outcome = ping();
      await taken(1);
      await world.endPeer();
      (await settled(outcome)).assertFailed('unreachable');
      (await settled(ping())).assertFailed('unreachable');
    });

    test('somebody who is no peer is unreachable', async () => {
      world.caller.setPeers([], null);
      (await settled(ping())).assertFailed('unreachable');
    });

    test('a peer that is one no longer is unreachable', async () => {
      const taken = takenWithoutAnswer();
      const outcome = ping();
      await taken(1);
      world.caller.setPeers([], null);
      (await settled(outcome)).assertFailed('unreachable');
    });

    test('only so many calls may wait for one peer', async () => {
      const { waitingMax } = defaultPeerCallLimits;
      const taken = takenWithoutAnswer();
      const outcomes = Array.from({ length: waitingMax }, () => ping());
      (await settled(ping())).assertFailed('overloaded');
      await taken(waitingMax);
      assert.ok(outcomes.every((outcome) => !outcome.settled));
    });

    test('only so many calls of one peer are answered at a time', async () => {
      const { answeringMax, waitingMax } = defaultPeerCallLimits;
      const abort = new AbortController();
      const taken = takenWithoutAnswer();
      const abandoned = Array.from({ length: Math.min(answeringMax, waitingMax) }, () =>
        ping({ signal: abort.signal }),
      );
      await taken(answeringMax);
      abort.abort();
      await world.until(() => abandoned.every((outcome) => outcome.settled));
      assert.equal((await settled(ping())).error?.refusal?.code, 'overloaded');
    });

    test('closing a transport ends its calls', async () => {
      const taken = takenWithoutAnswer();
      const outcome = ping();
      await taken(1);
      await world.caller.close();
      (await settled(outcome)).assertFailed('unreachable');
      (await settled(ping())).assertFailed('unreachable');
    });
  });
}

/** What became of one call. */
class Outcome {
  response: PeerResponse | null = null;
  error: PeerCallError | null = null;

  constructor(call: Promise<PeerResponse>) {
    call.then(
      (response) => {
        this.response = response;
      },
      (error: unknown) => {
        assert.ok(error instanceof PeerCallError, String(error));
        this.error = error;
      },
    );
  }

  get settled(): boolean {
    return this.response !== null || this.error !== null;
  }

  assertFailed(code: PeerCallErrorCode): void {
    assert.equal(this.error?.code, code);
  }
}
