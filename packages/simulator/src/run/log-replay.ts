import { type CommandBody, decodeCommand, encodeCommand, MemoryEngine, Store } from '@quorate/kv';
import type { Entry } from '@quorate/raft';
import { GuardedWrites } from '../checkers/guarded-writes.ts';
import { checkLeaseKeys } from '../checkers/lease-keys.ts';
import { WatchTruth } from '../checkers/watch-truth.ts';
import type { Violation } from '../cluster/run-observer.ts';
import type { Answer } from '../workload/call.ts';
import { keysAtStake, type UnrecordedOperation, unrecordedOperation } from './unrecorded-operations.ts';

/** What the committed log of a run says, executed once more from the start by a state machine of its own. */
export class LogReplay {
  /** The state machine with everything applied. */
  readonly store: Store;
  /** The requests in the order of the log. */
  readonly requests: readonly {
    readonly member: bigint;
    readonly sequence: number;
    readonly index: number;
  }[];
  /** What watchers should have been told. */
  readonly truth: WatchTruth;
  /** What was written under the lock. */
  readonly guardedWrites: GuardedWrites;
  /** What changed the store and is in no history. */
  readonly unrecorded: readonly UnrecordedOperation[];
  /** The first key that had outlived its lease, if there was one. */
  readonly leaseViolation: Violation | null;
  private readonly answers: ReadonlyMap<string, Answer | 'ambiguous'>;

  private constructor(
    store: Store,
    truth: WatchTruth,
    guardedWrites: GuardedWrites,
    unrecorded: readonly UnrecordedOperation[],
    leaseViolation: Violation | null,
    requests: LogReplay['requests'],
    answers: ReadonlyMap<string, Answer | 'ambiguous'>,
  ) {
    this.store = store;
    this.truth = truth;
    this.guardedWrites = guardedWrites;
    this.unrecorded = unrecorded;
    this.leaseViolation = leaseViolation;
    this.requests = requests;
    this.answers = answers;
  }

  /** `entries` are all that were applied, from index 1 on. */
  static run(entries: readonly Entry[]): LogReplay {
    const store = Store.open(new MemoryEngine());
    const truth = new WatchTruth();
    const guardedWrites = new GuardedWrites();
    const unrecorded: UnrecordedOperation[] = [];
    let leaseViolation: Violation | null = null;
    const requests: { member: bigint; sequence: number; index: number }[] = [];
    const answers = new Map<string, Answer | 'ambiguous'>();
    for (const entry of entries) {
      const data = entry.kind === 'command' ? entry.data : null;
      const command = data === null ? null : decodeCommand(data).body;
      const atStake = command === null ? [] : keysAtStake(store, command);
      const [result] = store.apply([{ index: entry.index, term: entry.term, data }]);
      truth.observe(store);
      guardedWrites.observe(store);
      if (command === null || result === undefined) {
        continue;
      }
      if (result.requestId !== null) {
        requests.push({ ...result.requestId, index: entry.index });
      }
      if (command.$case === 'leaseRevoke') leaseViolation ??= checkLeaseKeys(store);
      const body = commandKey(command);
      const answer: Answer = result.outcome.ok
        ? { kind: 'command', response: result.outcome.response }
        : { kind: 'refused', code: result.outcome.error.code };
      // A decision of a deposed leader is answered, and ends nothing: the lease still has its keys.
      const endedKeys = keysAtStake(store, command).length > 0 ? [] : atStake;
      const byNobody = unrecordedOperation(command, answer, endedKeys);
      if (byNobody !== null) unrecorded.push(byNobody);
      answers.set(body, answers.has(body) ? 'ambiguous' : answer);
    }
    leaseViolation ??= checkLeaseKeys(store);
    return new LogReplay(store, truth, guardedWrites, unrecorded, leaseViolation, requests, answers);
  }

  /**
   * What a command was answered, whether its client saw that or not: null if it is not in the log, `ambiguous`
   * if the log has several that are equal to it.
   */
  answerTo(body: CommandBody): Answer | 'ambiguous' | null {
    return this.answers.get(commandKey(body)) ?? null;
  }
}

/** Equal for equal commands, whoever asked for them. */
export function commandKey(body: CommandBody): string {
  return Buffer.from(encodeCommand({ requestId: undefined, body })).toString('latin1');
}
