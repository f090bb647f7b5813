import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HardState, type Persist, type RaftCore, toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import type { RecoveredLog } from '@quorate/storage';
import type { Violation } from '../cluster/run-observer.ts';
import {
  collectViolations,
  command,
  elect,
  member,
  outputWith,
  restoredCore,
  someInput,
  soloLog,
} from '../testing/cores.ts';
import { AtMostOnce } from './at-most-once.ts';
import { BoundedMemory } from './bounded-memory.ts';
import { CoreInvariants } from './core-invariants.ts';
import { Durability } from './durability.ts';
import { DurableLog } from './durable-log.ts';
import { ElectionSafety } from './election-safety.ts';
import { LeaderCompleteness } from './leader-completeness.ts';
import { LogMatching } from './log-matching.ts';
import { Monotonicity } from './monotonicity.ts';
import { OneVotePerTerm } from './one-vote-per-term.ts';
import { RevisionOrder } from './revision-order.ts';
import { StateDigest } from './state-digest.ts';
import { StateMachineSafety } from './state-machine-safety.ts';

const n1 = member(0);
const n2 = member(1);
const nothing = outputWith({});

/** A core that starts with these terms in its log behind the configuration, and has applied up to `commit`. */
function coreOf(host: number, terms: readonly number[], commit: number): RaftCore {
  const term = terms.at(-1) ?? 1;
  return restoredCore(host, soloLog(host, terms), { term, commit });
}

function persist(batch: number, hardState: HardState | null, entries: Persist['entries']): Persist {
  return { batch, hardState, entries, sync: true };
}

function hardState(term: number, vote: bigint | null): HardState {
  return { term: toTerm(term), vote: vote === null ? null : toMemberId(vote), commit: toLogIndex(0) };
}

/** What a log with these terms says when it is opened. */
function recovered(terms: readonly number[], state: HardState): RecoveredLog {
  const entries = terms.map((term, position) => command(position + 1, term, 'x'));
  const runs = entries.flatMap((entry, position) =>
    entry.term === entries[position - 1]?.term ? [] : [{ term: entry.term, firstIndex: entry.index }],
  );
  return {
    hardState: state,
    entries,
    firstIndex: toLogIndex(1),
    lastIndex: toLogIndex(terms.length),
    previousTerm: toTerm(0),
    terms: runs,
    configurations: [],
    snapshot: null,
    tornTail: null,
  };
}

/** Not `assert.deepEqual(found, [])`: the compiler would believe that nothing is ever found afterwards. */
function assertNone(found: readonly Violation[], message = 'nothing is wrong'): void {
  const explanations = found.map((violation) => violation.explanation);
  assert.deepEqual(explanations, [], message);
}

describe('each checker finds what it is there for, and nothing else', () => {
  test('election safety: two leaders in one term', () => {
    const { found, report } = collectViolations();
    const checker = new ElectionSafety(report);
    const [one, other] = [coreOf(0, [], 1), coreOf(1, [], 1)];
    elect(one);
    checker.coreStepped(n1, one, someInput, nothing);
    checker.coreStepped(n1, one, someInput, nothing);
    assertNone(found);
    elect(other);
    checker.coreStepped(n2, other, someInput, nothing);
    assert.equal(found[0]?.property, 'election-safety');
  });

  test('one vote per term: a member that asks for votes has voted for itself', () => {
    const { found, report } = collectViolations();
    const checker = new OneVotePerTerm(report);
    const granted = { type: 'vote-response', from: n1.id, term: toTerm(2), granted: true } as const;
    checker.messageSent({ ...granted, to: n2.id });
    checker.messageSent({ ...granted, to: n2.id });
    checker.messageSent({ ...granted, to: toMemberId(3n), granted: false });
    checker.messageSent({ ...granted, to: toMemberId(3n), term: toTerm(3) });
    assertNone(found);
    const [lastIndex, lastTerm] = [toLogIndex(1), toTerm(1)];
    const request = { type: 'vote-request', from: n1.id, to: n2.id, leadershipTransfer: false } as const;
    checker.messageSent({ ...request, term: toTerm(2), lastIndex, lastTerm });
    assert.equal(found[0]?.property, 'one-vote-per-term');
  });

  test('log matching: other content, or another past, under the same index and term', () => {
    for (const [terms, text] of [
      [[1, 3], 'other'],
      [[2, 3], 'x'],
    ] as const) {
      const { found, report } = collectViolations();
      const checker = new LogMatching(report);
      checker.logRecovered(n1, recovered([1, 1], hardState(1, null)));
      checker.logRecovered(n2, recovered([1], hardState(1, null)));
      const core = coreOf(0, [], 1);
      checker.coreStepped(
        n1,
        core,
        someInput,
        outputWith({ persist: persist(1, null, [command(3, 3, 'x')]) }),
      );
      assertNone(found);
      const entries = [command(2, terms[0], 'x'), command(3, terms[1], text)];
      checker.coreStepped(n2, core, someInput, outputWith({ persist: persist(1, null, entries) }));
      assert.equal(found[0]?.property, 'log-matching');
    }
  });

  test('state-machine safety: different entries at one index, or a gap', () => {
    for (const entry of [command(2, 1, 'other'), command(3, 1, 'x')]) {
      const { found, report } = collectViolations();
      const checker = new StateMachineSafety(report);
      const core = coreOf(0, [], 1);
      checker.coreRestored(n1, core);
      checker.coreRestored(n2, core);
      checker.coreStepped(n1, core, someInput, outputWith({ entriesToApply: [command(2, 1, 'x')] }));
      assertNone(found);
      checker.coreStepped(n2, core, someInput, outputWith({ entriesToApply: [entry] }));
      assert.equal(found[0]?.property, 'state-machine-safety');
    }
  });

  test('leader completeness: a leader without a committed entry', () => {
    const { found, report } = collectViolations();
    const checker = new LeaderCompleteness(report);
    checker.logRecovered(n1, recovered([1, 1, 1], hardState(1, null)));
    checker.logRecovered(n2, recovered([1, 1], hardState(1, null)));
    checker.coreStepped(n1, coreOf(0, [1, 1], 3), someInput, nothing);
    const leader = coreOf(1, [1], 2);
    elect(leader);
    checker.coreStepped(n2, leader, someInput, nothing);
    assert.equal(found[0]?.property, 'leader-completeness');
  });

  test('leader completeness: a member that overwrites a committed entry', () => {
    const { found, report } = collectViolations();
    const checker = new LeaderCompleteness(report);
    checker.logRecovered(n1, recovered([1, 1, 1], hardState(1, null)));
    const core = coreOf(0, [1, 1], 3);
    checker.coreStepped(n1, core, someInput, nothing);
    assertNone(found);
    checker.coreStepped(n1, core, someInput, outputWith({ persist: persist(1, null, [command(3, 2, 'y')]) }));
    assert.equal(found[0]?.property, 'leader-completeness');
  });

  test('monotonicity: a commit index that goes back', () => {
    const { found, report } = collectViolations();
    const checker = new Monotonicity(report);
    checker.coreRestored(n1, coreOf(0, [1, 1], 3));
    checker.coreStepped(n1, coreOf(0, [1, 1], 3), someInput, nothing);
    assertNone(found);
    checker.coreStepped(n1, coreOf(0, [1, 1], 2), someInput, nothing);
    assert.match(found[0]?.explanation ?? '', /commit goes back from 3 to 2/);
  });

  test('monotonicity: a term that is forgotten over a restart', () => {
    const { found, report } = collectViolations();
    const checker = new Monotonicity(report);
    const heartbeat = { type: 'heartbeat-response', from: n1.id, to: n2.id, round: 1 } as const;
    checker.messageSent({ ...heartbeat, term: toTerm(5) });
    checker.coreRestored(n1, coreOf(0, [], 1));
    assertNone(found, 'an answer to a heartbeat binds nobody');
    checker.messageSent({ type: 'vote-response', from: n1.id, to: n2.id, term: toTerm(5), granted: true });
    checker.coreRestored(n1, coreOf(0, [], 1));
    assert.equal(found[0]?.property, 'monotonicity');
  });

  test('core invariants: a state that the protocol cannot reach', () => {
    const { found, report } = collectViolations();
    const checker = new CoreInvariants(report);
    checker.coreRestored(n1, coreOf(0, [1], 2));
    assertNone(found);
    const broken = coreOf(0, [1], 2);
    broken.state.commit = toLogIndex(7);
    checker.coreRestored(n1, broken);
    assert.equal(found[0]?.property, 'core-invariants');
  });

  test('bounded memory: more than the limit', () => {
    const { found, report } = collectViolations();
    const limits = {
      appendMaxEntries: null,
      inflightMaxMessages: null,
      inflightMaxBytes: null,
      applyMaxEntries: 2,
      uncommittedMaxBytes: 10,
      pendingReadsMax: 1,
      pendingProposalsMax: 3,
    };
    const checker = new BoundedMemory(report, limits, { commandMaxBytes: 10, inputQueueMax: 10 });
    checker.observeBacklog(n1, { pendingWrites: 3, pendingReads: 1, inputs: 10, unwrittenBytes: 0 });
    const core = coreOf(0, [], 1);
    core.state.applying.entries = 2;
    checker.coreStepped(n1, core, someInput, nothing);
    assertNone(found);
    core.state.applying.entries = 3;
    checker.coreStepped(n1, core, someInput, nothing);
    assert.equal(found[0]?.property, 'bounded-memory');
    checker.observeBacklog(n1, { pendingWrites: 4, pendingReads: 1, inputs: 10, unwrittenBytes: 0 });
    assert.match(found[1]?.explanation ?? '', /4 unanswered writes/);
  });
});

describe('the durable log', () => {
  /** A member had entries of terms 1 and 1, was told that [2] at 3 is durable, and not yet what became of 4. */
  function afterWrites(): { checker: DurableLog; found: ReturnType<typeof collectViolations>['found'] } {
    const { found, report } = collectViolations();
    const checker = new DurableLog(report);
    const core = coreOf(0, [1], 2);
    checker.logRecovered(n1, recovered([1, 1], hardState(1, null)));
    const first = persist(1, hardState(2, 1n), [command(3, 2, 'a')]);
    const second = persist(2, hardState(3, 2n), [command(4, 2, 'b')]);
    checker.coreStepped(n1, core, someInput, outputWith({ persist: first }));
    checker.coreStepped(n1, core, { type: 'persisted', batch: 1 }, outputWith({ persist: second }));
    return { checker, found };
  }

  test('may or may not have what was under way', () => {
    for (const [terms, state] of [
      [[1, 1, 2], hardState(2, 1n)],
      [[1, 1, 2], hardState(3, 2n)],
      [[1, 1, 2, 2], hardState(3, 2n)],
    ] as const) {
      const { checker, found } = afterWrites();
      checker.logRecovered(n1, recovered(terms, state));
      assertNone(found);
    }
  });

  test('may have lost what was being overwritten, and nothing else of it', () => {
    for (const [terms, isAllowed] of [
      [[1, 1, 2, 2], true],
      [[1, 1], true],
      [[1, 1, 3], true],
      [[1, 1, 2], false],
      [[1], false],
    ] as const) {
      const { found, report } = collectViolations();
      const checker = new DurableLog(report);
      checker.logRecovered(n1, recovered([1, 1, 2, 2], hardState(3, null)));
      const overwrite = persist(1, null, [command(3, 3, 'c')]);
      checker.coreStepped(n1, coreOf(0, [1], 2), someInput, outputWith({ persist: overwrite }));
      checker.logRecovered(n1, recovered(terms, hardState(3, null)));
      assert.equal(found.length === 0, isAllowed);
    }
  });

  test('must have what was durable, and nothing that was never written', () => {
    for (const [terms, state] of [
      [[1, 1], hardState(2, 1n)],
      [[1, 1, 1], hardState(2, 1n)],
      [[1, 1, 2, 2, 2], hardState(3, 2n)],
      [[1, 1, 2], hardState(1, null)],
      [[1, 1, 2], hardState(2, 2n)],
    ] as const) {
      const { checker, found } = afterWrites();
      checker.logRecovered(n1, recovered(terms, state));
      assert.equal(found[0]?.property, 'durable-log');
    }
  });
});

describe('the durable log, when a start empties it for a snapshot', () => {
  const configuration = { voters: [], outgoingVoters: [], learners: [], learnersNext: [], addresses: [] };
  const snapshot = { index: toLogIndex(5), term: toTerm(4), configuration };

  /** What is said of a log that another start finds, after one that died when it had begun to empty it. */
  function saidOf(found: { start: number; terms: readonly number[] }, state: HardState): readonly string[] {
    const violations = collectViolations();
    const checker = new DurableLog(violations.report);
    checker.logRecovered(n1, recovered([1, 1], hardState(3, 1n)));
    checker.logReplacing(n1, snapshot);
    const { terms, start } = found;
    checker.logRecovered(n1, {
      ...recovered(terms, state),
      ...(start > 0 && {
        firstIndex: toLogIndex(start + 1),
        lastIndex: toLogIndex(start),
        previousTerm: toTerm(4),
      }),
    });
    return violations.found.map(({ explanation }) => explanation);
  }

  test('may find it empty after the snapshot, or as it was, with the term of the snapshot or its own', () => {
    assert.deepEqual(saidOf({ start: 5, terms: [] }, hardState(4, null)), []);
    assert.deepEqual(saidOf({ start: 0, terms: [1, 1] }, hardState(4, null)), []);
    assert.deepEqual(saidOf({ start: 0, terms: [1, 1] }, hardState(3, 1n)), []);
  });

  test('must not find it empty after anything else, nor another vote', () => {
    assert.equal(saidOf({ start: 6, terms: [] }, hardState(4, null)).length > 0, true);
    assert.equal(saidOf({ start: 5, terms: [] }, hardState(4, 1n)).length > 0, true);
    assert.equal(saidOf({ start: 5, terms: [] }, hardState(5, null)).length > 0, true);
  });
});

describe('what clients are told', () => {
  test('durability: an acknowledged put that is not there', () => {
    for (const answer of [null, { value: 'other', modRevision: 5 }, { value: 'a', modRevision: 4 }]) {
      const { found, report } = collectViolations();
      const checker = new Durability(report);
      checker.acknowledged('k', 'a', 5);
      checker.finish('n1', 0, () => ({ value: 'a', modRevision: 5 }));
      checker.finish('n2', 6, () => null);
      assertNone(found, 'it is there, or was compacted');
      checker.finish('n3', 5, () => answer);
      assert.equal(found[0]?.property, 'durability');
    }
  });

  test('at most once: a request twice in the log', () => {
    const { found, report } = collectViolations();
    const checker = new AtMostOnce(report);
    checker.observe({ member: 1n, sequence: 1 }, 5);
    checker.observe({ member: 1n, sequence: 2 }, 6);
    checker.observe({ member: 2n, sequence: 1 }, 7);
    assertNone(found);
    checker.observe({ member: 1n, sequence: 1 }, 8);
    assert.equal(found[0]?.property, 'at-most-once');
  });

  test('revision order: members differ, a revision is given twice, revisions go back or leap', () => {
    const breaches: readonly ((order: RevisionOrder) => void)[] = [
      (order) => order.observe('n2', 3, 3),
      (order) => order.acknowledged('another put', 2),
      (order) => order.observe('n1', 4, 1),
      (order) => order.observe('n1', 4, 4),
    ];
    for (const breach of breaches) {
      const { found, report } = collectViolations();
      const order = new RevisionOrder(report);
      order.observe('n1', 1, 1);
      order.observe('n1', 3, 2);
      order.observe('n2', 3, 2);
      order.acknowledged('a put', 2);
      order.finish();
      assertNone(found);
      breach(order);
      order.finish();
      assert.equal(found[0]?.property, 'revision-order');
    }
  });

  test('state digest: different states at one index', () => {
    const { found, report } = collectViolations();
    const checker = new StateDigest(report);
    checker.observe('n1', 3, () => 'a', true);
    checker.observe('n2', 3, () => 'a', true);
    assert.equal(checker.comparisons, 1);
    assertNone(found);
    checker.observe('n3', 3, () => 'b', true);
    assert.equal(found[0]?.property, 'state-digest');
  });
});
