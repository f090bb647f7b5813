import { assert } from './assert.ts';
import type { Configuration } from './configuration.ts';
import type { HardState, SnapshotDescription } from './entry.ts';
import { type LogIndex, type MemberId, type MonotonicMs, offsetIndex, type Term } from './identifiers.ts';
import { entryBytes, type Log } from './log.ts';
import type { RaftOptions } from './options.ts';
import type { Progress } from './progress.ts';
import type { LoggedConfiguration, RestoredState } from './restored-state.ts';

/**
 * Everything a member knows. One plain-data object (records, arrays, maps, and immutable entries): a model
 * checker can copy it, compare it and go on from it. `cloneState` copies.
 */
export type State = {
  readonly id: MemberId;
  /** The latest term seen (Raft, figure 2: currentTerm). Never goes back. */
  term: Term;
  /** Who got this member's vote in `term` (Raft, figure 2: votedFor). Changes at most once a term. */
  vote: MemberId | null;
  role: RoleState;
  readonly log: Log;
  /** The highest entry known to be committed (Raft, figure 2: commitIndex). May be ahead of the own disk. */
  commit: LogIndex;
  /**
   * The configuration before the log's first entry, and every one in the log, ascending by index. The last
   * is in force, committed or not; truncation brings the one before back (Raft, section 6).
   */
  readonly configurations: LoggedConfiguration[];
  /** The newest durable snapshot of the own state machine. */
  snapshot: SnapshotDescription | null;
  /** The snapshot by which the state machine is being replaced. */
  installing: SnapshotDescription | null;
  readonly persistence: Persistence;
  readonly applying: Applying;
  readonly election: ElectionTimer;
  /** Reads that were passed to the leader and are not answered, by the number they travel under. */
  readonly forwardedReads: Map<number, ForwardedReadState>;
  nextForwardedRead: number;
};

/** A role, with what a member knows only in it. */
export type RoleState =
  | { readonly kind: 'follower'; leader: MemberId | null }
  /** Asks whether it could win; has changed nothing yet (dissertation, section 9.6). */
  | { readonly kind: 'pre-candidate'; readonly votes: Map<MemberId, boolean> }
  /** Its own vote is in `votes` once it is durable. */
  | { readonly kind: 'candidate'; readonly votes: Map<MemberId, boolean> }
  | LeaderState;

export type LeaderState = {
  readonly kind: 'leader';
  /** Everyone else in the configuration, learners too, in the order of their ids. */
  readonly peers: Map<MemberId, Progress>;
  /** The index of the no-op that opened the term: once it is committed, the commit index is known to be current. */
  readonly termStart: LogIndex;
  heartbeatElapsedTicks: number;
  quorumCheckElapsedTicks: number;
  /** Data bytes of the uncommitted entries. */
  uncommittedBytes: number;
  readonly rounds: Rounds;
  readonly lease: Lease;
  /** Leadership is being handed over. */
  transfer: { readonly to: MemberId; elapsedTicks: number; timeoutNowSent: boolean } | null;
};

/** Confirmation rounds: heartbeats that prove, once a quorum has answered, that the leader led when it sent them. */
export type Rounds = {
  /** The last one sent; 0 before the first. */
  started: number;
  /** The last one that a quorum has answered. */
  confirmed: number;
  /** Reads that came after the last round was sent: the next one is theirs. */
  waiting: PendingRead[];
  /** Reads whose round is under way, oldest first. */
  readonly batches: {
    readonly round: number;
    readonly index: LogIndex;
    readonly reads: readonly PendingRead[];
  }[];
  /** Reads in `waiting` and `batches`. */
  pendingReads: number;
};

/** `from` is null for a read of this member's own clients. */
export type PendingRead = { readonly from: MemberId | null; readonly id: number };

/** The promise of a quorum to elect nobody else for a while; kept only with `reads: 'lease'`. */
export type Lease = {
  /** When the unconfirmed rounds were sent. */
  readonly sent: { readonly round: number; readonly sentMs: MonotonicMs }[];
  untilMs: MonotonicMs;
  /** A transfer has invited someone to campaign, at any later time: no lease for the rest of the term. */
  forfeited: boolean;
};

/** What is on its way to the disk, and what has arrived. */
export type Persistence = {
  nextBatch: number;
  /** As last handed out. */
  handedOut: HardState;
  durableTerm: Term;
  durableVote: MemberId | null;
  /** The log up to here is on the own disk. */
  durableIndex: LogIndex;
  /** Handed out and not durable, oldest first. */
  readonly pending: PendingBatch[];
  /** The sum of their `bytes`. */
  pendingBytes: number;
};

/** `lastIndex` is the last entry that this batch makes durable; lowered when a later batch overwrites it. */
export type PendingBatch = {
  readonly batch: number;
  readonly term: Term;
  readonly vote: MemberId | null;
  /** Data bytes of its entries. */
  readonly bytes: number;
  lastIndex: LogIndex;
};

export type Applying = {
  /** The state machine holds everything up to here (Raft, figure 2: lastApplied). */
  applied: LogIndex;
  /** The last entry handed out. */
  handedOut: LogIndex;
  /** What was handed out and not applied, oldest first. */
  readonly batches: { readonly lastIndex: LogIndex; readonly entries: number; readonly bytes: number }[];
  entries: number;
  bytes: number;
  /** The next entries are being read from storage. */
  readPending: boolean;
};

export type ElectionTimer = {
  /** Ticks since a leader was heard, a vote was given, or a campaign was started. */
  elapsedTicks: number;
  /** Drawn from [electionTimeoutTicks, 2 * electionTimeoutTicks). */
  timeoutTicks: number;
  /**
   * Until then this member helps nobody to depose the leader it heard, because that leader may answer reads
   * by its lease. Null until the first step, which starts it: a restart forgets what was promised before.
   * Only with `reads: 'lease'`.
   */
  promisedUntilMs: MonotonicMs | null;
};

export type ForwardedReadState = { readonly id: number; elapsedTicks: number };

/** Builds the state of a follower that has just started. Asserts that what was restored fits together. */
export function createState(options: RaftOptions, restored: RestoredState): State {
  const log = restoreLog(restored);
  const lastRun = log.termRuns.at(-1);
  // A founding member's log starts with an entry of term 1 that nobody campaigned for.
  const bootstrapped = lastRun !== undefined && lastRun.term > restored.hardState.term;
  const term = bootstrapped ? lastRun.term : restored.hardState.term;
  const vote = bootstrapped ? null : restored.hardState.vote;
  const snapshotIndex = restored.snapshot?.index ?? 0;
  const commit = Math.max(restored.hardState.commit, restored.applied, snapshotIndex) as LogIndex;
  assert(commit <= log.lastIndex, 'committed entries are missing from the log');
  assert(restored.applied <= log.lastIndex, 'the state machine is ahead of the log');
  assert(restored.applied >= log.firstIndex - 1, 'the state machine is behind the start of the log');
  return {
    id: options.id,
    term,
    vote,
    role: { kind: 'follower', leader: null },
    log,
    commit,
    configurations: restoreConfigurations(restored),
    snapshot: restored.snapshot,
    installing: null,
    persistence: {
      nextBatch: 1,
      handedOut: restored.hardState,
      durableTerm: restored.hardState.term,
      durableVote: restored.hardState.vote,
      durableIndex: log.lastIndex,
      pending: [],
      pendingBytes: 0,
    },
    applying: {
      applied: restored.applied,
      handedOut: restored.applied,
      batches: [],
      entries: 0,
      bytes: 0,
      readPending: false,
    },
    election: {
      elapsedTicks: 0,
      timeoutTicks: options.electionTimeoutTicks + options.random(options.electionTimeoutTicks),
      promisedUntilMs: null,
    },
    forwardedReads: new Map(),
    // Answers to reads of this member's previous life must not match those of this one.
    nextForwardedRead: options.random(2 ** 20) * 2 ** 32,
  };
}

/** The configuration in force: the last one in the log, committed or not (Raft, section 6). */
export function configurationOf(state: State): Configuration {
  const last = state.configurations.at(-1);
  return last === undefined ? noConfiguration : last.configuration;
}

/** The last configuration that is known to be committed: no other log can undo it. Undefined if there is none yet. */
export function settledConfiguration(state: State): LoggedConfiguration | undefined {
  return state.configurations.findLast(({ index }) => index <= state.commit);
}

/** The leader of `term`, as far as this member knows. */
export function leaderOf(state: State): MemberId | null {
  switch (state.role.kind) {
    case 'leader':
      return state.id;
    case 'follower':
      return state.role.leader;
    case 'pre-candidate':
    case 'candidate':
      return null;
  }
}

/** A copy that shares nothing mutable with the original. */
export function cloneState(state: State): State {
  const { log, configurations, ...rest } = state;
  return {
    ...cloneData(rest),
    log: { ...log, termRuns: [...log.termRuns], cache: [...log.cache] },
    configurations: [...configurations],
  };
}

/** Of a member that nobody has told about the cluster: it waits for a leader. */
const noConfiguration: Configuration = {
  voters: [],
  outgoingVoters: [],
  learners: [],
  learnersNext: [],
  addresses: [],
};

function restoreLog(restored: RestoredState): Log {
  const { snapshot, firstIndex, lastIndex, termRuns, entries } = restored;
  const previous = offsetIndex(firstIndex, -1);
  assert(lastIndex >= previous, 'the last index is no less than the first, less one');
  assert(
    previous === 0 || (snapshot !== null && snapshot.index >= previous),
    'a snapshot covers what left the log',
  );
  assert((termRuns.length === 0) === (lastIndex === previous), 'term runs cover the log');
  assert(termRuns.length === 0 || termRuns[0]?.firstIndex === firstIndex, 'term runs start with the log');
  assert(entries.length === 0 || entries.at(-1)?.index === lastIndex, 'cached entries end with the log');
  return {
    firstIndex,
    previousTerm: previous === 0 ? (0 as Term) : snapshot?.index === previous ? snapshot.term : null,
    lastIndex,
    termRuns: [...termRuns],
    cache: [...entries],
    cacheBytes: entries.reduce((bytes, entry) => bytes + entryBytes(entry), 0),
  };
}

function restoreConfigurations(restored: RestoredState): LoggedConfiguration[] {
  const { snapshot, configurations } = restored;
  if (snapshot === null) {
    return configurations.map(({ index, configuration }) => ({ index, configuration }));
  }
  const later = configurations.filter((logged) => logged.index > snapshot.index);
  return [
    { index: snapshot.index, configuration: snapshot.configuration },
    ...later.map(({ index, configuration }) => ({ index, configuration })),
  ];
}

/** Copies records, arrays and maps, all the way down. */
function cloneData<T>(value: T): T {
  if (Array.isArray(value)) {
    return value.map((item: unknown) => cloneData(item)) as T;
  }
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]: [unknown, unknown]) => [key, cloneData(item)])) as T;
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [key, cloneData(item)]),
  ) as T;
}
