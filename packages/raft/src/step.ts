import type { Entry, HardState, SnapshotDescription } from './entry.ts';
import type { LogRead } from './input.ts';
import type { MemberId, MonotonicMs } from './identifiers.ts';
import type { Message } from './message.ts';
import type { RaftOptions } from './options.ts';
import type { Output, RaftEvent, ReadReady, Refusal } from './output.ts';
import type { State } from './state.ts';

/** One step under way: what the mechanisms read, change, and ask for. */
export type Step = {
  readonly options: RaftOptions;
  readonly state: State;
  nowMs: MonotonicMs;
  /** Collects the output. Lists are created when something is put into them: most steps fill few. */
  pending: PendingOutput;
};

export type PendingOutput = {
  messages: Message[] | null;
  messagesAfterPersist: Message[] | null;
  /** Entries that this step appended to the log, contiguous. */
  entries: Entry[] | null;
  entriesToApply: readonly Entry[] | null;
  readsReady: ReadReady[] | null;
  readsRefused: Refusal[] | null;
  proposalsRefused: Refusal[] | null;
  logReads: LogRead[] | null;
  snapshotToInstall: { from: MemberId; snapshot: SnapshotDescription } | null;
  events: RaftEvent[] | null;
};

export function emptyPendingOutput(): PendingOutput {
  return {
    messages: null,
    messagesAfterPersist: null,
    entries: null,
    entriesToApply: null,
    readsReady: null,
    readsRefused: null,
    proposalsRefused: null,
    logReads: null,
    snapshotToInstall: null,
    events: null,
  };
}

/** Sends at once: only what reveals nothing that a crash could make untrue. */
export function send(step: Step, message: Message): void {
  step.pending.messages = appended(step.pending.messages, message);
}

/** Sends when everything that this member holds in memory is on its disk: votes, and what it says it has. */
export function sendAfterPersist(step: Step, message: Message): void {
  step.pending.messagesAfterPersist = appended(step.pending.messagesAfterPersist, message);
}

export function emit(step: Step, event: RaftEvent): void {
  step.pending.events = appended(step.pending.events, event);
}

export function readyRead(step: Step, read: ReadReady): void {
  step.pending.readsReady = appended(step.pending.readsReady, read);
}

export function refuseRead(step: Step, refusal: Refusal): void {
  step.pending.readsRefused = appended(step.pending.readsRefused, refusal);
}

export function refuseProposal(step: Step, refusal: Refusal): void {
  step.pending.proposalsRefused = appended(step.pending.proposalsRefused, refusal);
}

export function askForEntries(step: Step, read: LogRead): void {
  step.pending.logReads = appended(step.pending.logReads, read);
}

/** Turns what was collected, and the write that goes with it, into the step's output. */
export function finishOutput(
  pending: PendingOutput,
  batch: number | null,
  hardState: HardState | null,
  sync: boolean,
): Output {
  return {
    messages: pending.messages ?? none,
    persist: batch === null ? null : { batch, hardState, entries: pending.entries ?? none, sync },
    messagesAfterPersist: pending.messagesAfterPersist ?? none,
    entriesToApply: pending.entriesToApply ?? none,
    readsReady: pending.readsReady ?? none,
    readsRefused: pending.readsRefused ?? none,
    proposalsRefused: pending.proposalsRefused ?? none,
    logReads: pending.logReads ?? none,
    snapshotToInstall: pending.snapshotToInstall,
    events: pending.events ?? none,
  };
}

/** Shared by all outputs: nobody may write to it. */
const none: readonly never[] = Object.freeze([]);

function appended<T>(list: T[] | null, item: T): T[] {
  if (list === null) {
    return [item];
  }
  list.push(item);
  return list;
}
