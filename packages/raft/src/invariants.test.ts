import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LogIndex, Term } from './identifiers.ts';
import { checkState, checkTransition } from './invariants.ts';
import { createProgress } from './progress.ts';
import { cloneState, type LeaderState, type State } from './state.ts';
import { command, configuration, index, memberId, term } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

/** How to break a state, and what the check says about it. */
type Fault = readonly [name: string, breakIt: (state: State, leader: LeaderState) => void, message: RegExp];

const faults: readonly Fault[] = [
  ['an entry of a later term', (state) => void (state.term = term(2)), /no entry is of a later term/],
  [
    'a commit index beyond the log',
    (state) => void (state.commit = index(99)),
    /committed entries are in the log/,
  ],
  [
    'applying what is not committed',
    (state) => void (state.applying.handedOut = index(5)),
    /only committed entries/,
  ],
  [
    'applying what was not handed out',
    (state) => void (state.applying.applied = index(5)),
    /handed out is applied/,
  ],
  [
    'durability beyond the log',
    (state) => void (state.persistence.durableIndex = index(99)),
    /durable is in the log/,
  ],
  [
    'a disk ahead of memory',
    (state) => void (state.persistence.durableTerm = term(9)),
    /never ahead of memory/,
  ],
  [
    'a vote that is not on its way to disk',
    (state) => void (state.vote = memberId(2)),
    /every change of the vote/,
  ],
  ['a hole in the cache', (state) => void state.log.cache.splice(1, 1), /contiguous|the cache/],
  ['bytes that do not add up', (state) => void (state.log.cacheBytes += 1), /bytes of the cache/],
  [
    'a cache that contradicts the terms',
    (state) => void (state.log.cache[1] = command(2, 2)),
    /agrees with the term runs/,
  ],
  [
    'terms that decrease',
    (state) => void state.log.termRuns.push({ term: term(1), firstIndex: index(5) }),
    /terms never decrease|agrees with/,
  ],
  [
    'a configuration beyond the log',
    (state) =>
      void state.configurations.push({ index: index(50), configuration: configuration({ voters: [1] }) }),
    /while its entry is in the log/,
  ],
  [
    'unsorted voters',
    (state) =>
      void (state.configurations[0] = {
        index: index(1),
        configuration: configuration({ voters: [2, 1, 3] }),
      }),
    /sorted/,
  ],
  [
    'a learner that votes',
    (state) =>
      void (state.configurations[0] = {
        index: index(1),
        configuration: configuration({ voters: [1, 2, 3], learners: [3] }),
      }),
    /a learner has no vote/,
  ],
  [
    'a follower of itself',
    (state) => void (state.role = { kind: 'follower', leader: state.id }),
    /does not follow itself/,
  ],
  [
    'a candidate that voted for someone else',
    (state) => {
      state.vote = memberId(3);
      state.persistence.handedOut = { ...state.persistence.handedOut, vote: memberId(3) };
      state.role = { kind: 'candidate', votes: new Map() };
    },
    /a candidate has voted for itself/,
  ],
  [
    'a commit index of an earlier term',
    (state, leader) => {
      state.role = { ...leader, termStart: index(2) };
      state.commit = index(3);
      state.applying.handedOut = index(3);
      state.persistence.handedOut = { ...state.persistence.handedOut, commit: index(3) };
    },
    /own term/,
  ],
  [
    'a peer that is missing',
    (_, leader) => void leader.peers.delete(memberId(2)),
    /replicates to every member/,
  ],
  [
    'a match index beyond the log',
    (_, leader) => change(leader, 'match', index(50)),
    /what the leader has|what it has/,
  ],
  [
    'a next index at the match index',
    (_, leader) => change(leader, 'next', index(0)),
    /not sent again what it has/,
  ],
  [
    'a window that was not sent',
    (_, leader) => addInflight(leader),
    /what is in flight was sent|has a window/,
  ],
  [
    'uncommitted bytes that do not add up',
    (_, leader) => void (leader.uncommittedBytes += 1),
    /uncommitted bytes/,
  ],
  ['reads that do not add up', (_, leader) => void (leader.rounds.pendingReads += 1), /pending reads/],
  [
    'a round that was never started',
    (_, leader) => void (leader.rounds.confirmed = 50),
    /only a round that was started/,
  ],
];

describe('a state is refused that has', () => {
  for (const [name, breakIt, message] of faults) {
    test(name, () => {
      const state = leaderState();
      checkState(state);
      assert(state.role.kind === 'leader');
      breakIt(state, state.role);
      assert.throws(() => checkState(state), message);
    });
  }
});

describe('a transition is refused that', () => {
  const refused: readonly (readonly [string, (after: State) => void, RegExp])[] = [
    ['goes back in term (section 5.1)', (after) => void (after.term = term(1)), /term never goes back/],
    ['votes twice in a term (section 5.2)', (after) => void (after.vote = memberId(3)), /one vote a term/],
    [
      'knows another leader in the same term (section 5.2)',
      (after) => void (after.role = { kind: 'follower', leader: memberId(3) }),
      /at most one leader a term/,
    ],
    [
      'takes back what is committed',
      (after) => void (after.commit = index(1)),
      /commit index never goes back/,
    ],
    [
      'overwrites what is committed (section 5.4.3)',
      (after) => rewrite(after, 2, 9),
      /never overwritten|own log/,
    ],
    [
      'overwrites a leader’s own log (section 5.3)',
      (after) => rewrite(after, 5, 2),
      /overwrites its own log/,
    ],
    [
      'lowers a match index (section 5.3)',
      (after) => void (after.role.kind === 'leader' && change(after.role, 'match', index(1))),
      /match index never goes back/,
    ],
    [
      'forgets what was applied',
      (after) => {
        after.applying.applied = index(0);
      },
      /stays applied/,
    ],
  ];
  for (const [name, breakIt, message] of refused) {
    test(name, () => {
      const before = leaderState();
      const after = cloneState(before);
      checkTransition(before, after);
      breakIt(after);
      assert.throws(() => checkTransition(before, after), message);
    });
  }

  test('makes a follower the leader of the term that it is in (section 5.2)', () => {
    const after = leaderState();
    const before: State = { ...cloneState(after), role: { kind: 'follower', leader: null }, vote: null };
    assert.throws(() => checkTransition(before, after), /only a candidate becomes leader/);
  });
});

/** n1 leads term 4: entries 1 to 3 are of earlier terms, 4 is its no-op and committed, 5 and 6 are not. */
function leaderState(): State {
  const member = SoloMember.inCluster(3, [1, 3]);
  member.leadUnopposed();
  member.give({ type: 'applied', index: index(3) });
  member.propose('a', 'b');
  member.give({ type: 'read', id: 1 });
  return cloneState(member.core.state);
}

function change(leader: LeaderState, field: 'match' | 'next', value: LogIndex): void {
  const progress = leader.peers.get(memberId(2)) ?? createProgress(memberId(2), value, true);
  progress[field] = value;
}

function addInflight(leader: LeaderState): void {
  leader.peers.get(memberId(3))?.inflight.push({ lastIndex: index(60), bytes: 0 });
}

/** Gives the entry at `at`, and all after it, another term. */
function rewrite(state: State, at: number, newTerm: number): void {
  const { termRuns } = state.log;
  const kept = termRuns.filter((run) => run.firstIndex < at);
  termRuns.length = 0;
  termRuns.push(...kept, { term: newTerm as Term, firstIndex: at as LogIndex });
}
