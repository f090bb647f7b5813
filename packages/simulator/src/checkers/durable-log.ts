import type { HardState, Input, Output, Persist, RaftCore, SnapshotDescription } from '@quorate/raft';
import type { RecoveredLog } from '@quorate/storage';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';
import { LogMirror } from './log-mirror.ts';

/** What must be on a member's disk, and what may be: the writes it was not told the end of. */
type Expected = {
  hardState: HardState | null;
  log: LogMirror;
  pending: Persist[];
  /** The last entry that may have been removed, because a snapshot was said to hold it. */
  removable: number;
  /** The snapshot that may have replaced the log, and brought its term along. */
  installing: SnapshotDescription | null;
};

/**
 * What a member was told is durable is in its log after a restart: term, vote and entries. The writes under
 * way when it died may have happened in part, in their order. Nothing else may be in the log, and nothing may be
 * missing at its beginning that no snapshot holds.
 *
 * This is the log's contract, judged at every restart, long before a lost write would cost the cluster data.
 */
export class DurableLog implements RunObserver {
  private readonly report: Report;
  private readonly expected = new Map<number, Expected>();

  constructor(report: Report) {
    this.report = report;
  }

  logRecovered(member: MemberIdentity, recovered: RecoveredLog): void {
    const found = LogMirror.of(recovered);
    const expected = this.expected.get(member.host);
    // Before the core is restored for the first time, the founding entry may be on the disk or not.
    if (expected !== undefined && expected.log.lastIndex > 0) {
      this.checkHardState(member, recovered.hardState, expected);
      this.checkEntries(member, found, expected);
    }
    this.expected.set(member.host, {
      hardState: recovered.hardState,
      log: found,
      pending: [],
      removable: found.startIndex,
      installing: null,
    });
  }

  logReplacing(member: MemberIdentity, snapshot: SnapshotDescription): void {
    const expected = this.expected.get(member.host);
    if (expected !== undefined) expected.installing = snapshot;
  }

  coreRestored(member: MemberIdentity, core: RaftCore): void {
    const expected = this.expected.get(member.host);
    if (expected === undefined) {
      return;
    }
    const isDecidedByStart = expected.log.lastIndex === 0 || expected.installing !== null;
    expected.log.restored(core);
    expected.installing = null;
    expected.removable = Math.max(expected.removable, expected.log.startIndex);
    if (isDecidedByStart) {
      expected.hardState = { term: core.term, vote: core.state.vote, commit: core.commit };
    }
  }

  coreStepped(member: MemberIdentity, _core: RaftCore, input: Input, output: Output): void {
    const expected = this.expected.get(member.host);
    if (expected === undefined) {
      return;
    }
    if (input.type === 'persisted') {
      while (expected.pending[0] !== undefined && expected.pending[0].batch <= input.batch) {
        const persist = expected.pending.shift();
        expected.hardState = persist?.hardState ?? expected.hardState;
        expected.log.append(persist?.entries ?? []);
      }
    }
    if (input.type === 'compact') {
      expected.removable = Math.max(expected.removable, input.through);
    } else if (input.type === 'snapshot-installing') {
      expected.installing = input.snapshot;
    } else if (input.type === 'snapshot-installed') {
      const { index, term } = input.snapshot;
      expected.installing = null;
      expected.removable = index;
      expected.log.reset(index, term);
    }
    if (output.persist !== null) {
      expected.pending.push(output.persist);
    }
  }

  private checkHardState(member: MemberIdentity, found: HardState | null, expected: Expected): void {
    const { hardState, installing } = expected;
    const candidates = [hardState, ...expected.pending.map((persist) => persist.hardState)];
    if (hardState !== null && installing !== null && installing.term > hardState.term)
      candidates.push({ ...hardState, term: installing.term, vote: null });
    const isKnown = candidates.some(
      (candidate) => candidate !== null && candidate.term === found?.term && candidate.vote === found.vote,
    );
    if (!isKnown && expected.hardState !== null) {
      this.report({
        property: 'durable-log',
        explanation: `${member.name} finds term ${found?.term} and vote ${found?.vote} on its disk, but term ${expected.hardState.term} and vote ${expected.hardState.vote} were durable`,
      });
    }
  }

  private checkEntries(member: MemberIdentity, found: LogMirror, expected: Expected): void {
    const { installing } = expected;
    if (installing !== null && found.startIndex === installing.index) {
      if (found.lastIndex === installing.index && found.termAt(installing.index) === installing.term) {
        return;
      }
    }
    if (found.startIndex > expected.removable) {
      this.report({
        property: 'durable-log',
        explanation: `${member.name} finds a log that begins after entry ${found.startIndex}, but only those up to ${expected.removable} were to be removed`,
      });
    }
    const log = expected.log.copy();
    if (log.equals(found)) {
      return;
    }
    for (const { entries } of expected.pending) {
      // What the entries replace may be gone already while they are not there yet.
      log.truncate(entries[0]?.index ?? log.lastIndex + 1);
      if (log.equals(found)) {
        return;
      }
      for (let count = 1; count <= entries.length; count += 1) {
        log.append(entries.slice(count - 1, count));
        if (log.equals(found)) {
          return;
        }
      }
    }
    const difference = expected.log.firstDifference(found);
    this.report({
      property: 'durable-log',
      explanation: `${member.name} finds a log of ${found.lastIndex} entries on its disk, of ${expected.log.lastIndex} that were durable; they differ from entry ${difference} on`,
    });
  }
}
