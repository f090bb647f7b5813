import { assert } from './assert.ts';
import { cachedDataBytes } from './commit.ts';
import type { Configuration } from './configuration.ts';
import type { LogIndex, MemberId } from './identifiers.ts';
import { firstCachedIndex, lastTerm, type Log, termAt, totalBytes } from './log.ts';
import type { Progress } from './progress.ts';
import { membersOf } from './quorum.ts';
import { configurationOf, type LeaderState, leaderOf, type State } from './state.ts';

/**
 * The protocol's invariants as far as one member can see them. Tests and simulations call these after every
 * step; what can be checked cheaply is asserted in production too, where it could break. Sections are those
 * of the Raft paper. What only the whole cluster can show (figure 3) is checked by whoever sees the cluster.
 */

/** Asserts that a state is one that the protocol can reach. */
export function checkState(state: State): void {
  checkLog(state.log);
  checkIndexes(state);
  checkPersistence(state);
  checkConfigurations(state);
  checkRole(state);
}

/**
 * Asserts that one step, or any number of them without a restart, may lead from `before` (a copy made by
 * `cloneState`) to `after`.
 */
export function checkTransition(before: State, after: State): void {
  // 5.1: "If a server's current term is smaller ... it updates its current term to the larger value."
  assert(after.term >= before.term, 'the term never goes back (section 5.1)');
  if (after.term === before.term) {
    checkWithinTerm(before, after);
  }
  assert(after.commit >= before.commit, 'the commit index never goes back (section 5.3)');
  assert(after.applying.applied >= before.applying.applied, 'what is applied stays applied (section 5.3)');
  assert(after.applying.handedOut >= before.applying.handedOut, 'nothing is applied twice (section 5.3)');
  assert(after.log.firstIndex >= before.log.firstIndex, 'the log only loses its beginning (section 7)');
  checkKept(before, after, before.commit, 'committed entries are never overwritten (section 5.4.3)');
  assert(
    after.persistence.durableIndex >= Math.min(before.persistence.durableIndex, before.commit),
    'committed entries stay durable',
  );
}

function checkLog(log: Log): void {
  const length = log.lastIndex - log.firstIndex + 1;
  assert(length >= 0, 'a log does not end before it starts');
  assert((length === 0) === (log.termRuns.length === 0), 'term runs cover the log');
  let term = log.previousTerm ?? 0;
  let end: number = log.firstIndex - 1;
  for (const [position, run] of log.termRuns.entries()) {
    assert(position === 0 ? run.firstIndex === log.firstIndex : run.firstIndex > end, 'term runs ascend');
    // 5.3: an entry is created by the leader of its term, and leaders' terms only grow.
    assert(
      position === 0 ? run.term >= term : run.term > term,
      'terms never decrease along a log (section 5.3)',
    );
    term = run.term;
    end = run.firstIndex;
  }
  assert(end <= log.lastIndex, 'term runs end within the log');
  assert(log.cache.length <= length, 'the cache holds entries of the log');
  const first = firstCachedIndex(log);
  for (const [position, entry] of log.cache.entries()) {
    assert(entry.index === first + position, 'the cache is contiguous');
    assert(entry.term === termAt(log, entry.index), 'the cache agrees with the term runs');
  }
  assert(log.cacheBytes === totalBytes(log.cache), 'the bytes of the cache are counted');
}

function checkIndexes(state: State): void {
  const { log, commit, applying, persistence } = state;
  // 5.3: "lastApplied <= commitIndex <= last log index", and here nothing is applied before it is durable.
  assert(applying.applied <= applying.handedOut, 'only what was handed out is applied');
  assert(applying.handedOut <= commit, 'only committed entries are applied (section 5.3)');
  assert(applying.handedOut <= persistence.durableIndex, 'only durable entries are applied');
  assert(commit <= log.lastIndex, 'committed entries are in the log (section 5.3)');
  assert(commit >= log.firstIndex - 1, 'what left the log was committed (section 7)');
  assert(persistence.durableIndex <= log.lastIndex, 'what is durable is in the log');
  // 5.1: entries come from leaders, whose terms this member has entered.
  assert(lastTerm(log) <= state.term, 'no entry is of a later term (section 5.1)');
  const entries = applying.batches.reduce((sum, batch) => sum + batch.entries, 0);
  const bytes = applying.batches.reduce((sum, batch) => sum + batch.bytes, 0);
  assert(applying.entries === entries && applying.bytes === bytes, 'what is being applied is counted');
}

function checkPersistence(state: State): void {
  const { persistence } = state;
  assert(persistence.durableTerm <= state.term, 'the disk is never ahead of memory');
  assert(persistence.handedOut.commit <= state.commit, 'the commit hint never runs ahead');
  let batch = persistence.nextBatch - persistence.pending.length;
  for (const pending of persistence.pending) {
    assert(pending.batch === batch, 'batches are handed out in order');
    assert(pending.lastIndex <= state.log.lastIndex, 'a pending batch vouches only for what is in the log');
    batch += 1;
  }
  const bytes = persistence.pending.reduce((sum, pending) => sum + pending.bytes, 0);
  assert(persistence.pendingBytes === bytes, 'the bytes on their way to the disk are counted');
  const { handedOut } = persistence;
  assert(
    handedOut.term === state.term && handedOut.vote === state.vote,
    'every change of the vote goes to disk',
  );
}

function checkConfigurations(state: State): void {
  let previous = -1;
  for (const { index, configuration } of state.configurations) {
    assert(index > previous, 'configurations ascend');
    assert(
      index <= state.log.lastIndex,
      'a configuration is in force while its entry is in the log (section 6)',
    );
    checkConfiguration(configuration);
    previous = index;
  }
}

function checkConfiguration(configuration: Configuration): void {
  const { voters, outgoingVoters, learners, learnersNext } = configuration;
  for (const list of [voters, outgoingVoters, learners, learnersNext]) {
    assert(
      list.every((id, position) => position === 0 || (list[position - 1] ?? id) < id),
      'member lists are sorted',
    );
  }
  const votes = (id: MemberId): boolean => voters.includes(id) || outgoingVoters.includes(id);
  assert(!learners.some(votes), 'a learner has no vote');
  assert(
    learnersNext.every((id) => outgoingVoters.includes(id)),
    'only outgoing voters become learners',
  );
}

function checkRole(state: State): void {
  const { role } = state;
  switch (role.kind) {
    case 'follower':
      assert(role.leader !== state.id, 'a follower does not follow itself');
      break;
    case 'pre-candidate':
      assert(role.votes.get(state.id) === true, 'a pre-candidate would vote for itself');
      break;
    case 'candidate':
      // 5.2: "It then votes for itself".
      assert(state.vote === state.id, 'a candidate has voted for itself (section 5.2)');
      break;
    case 'leader':
      assert(state.vote === state.id, 'a leader has voted for itself (section 5.2)');
      checkLeader(state, role);
      break;
  }
}

function checkLeader(state: State, leader: LeaderState): void {
  const { log, commit } = state;
  // 8: a leader's term starts with a no-op.
  const opened = leader.termStart < log.firstIndex || termAt(log, leader.termStart) === state.term;
  assert(opened, 'a leader has an entry of its own term (section 8)');
  assert(lastTerm(log) === state.term, 'a leader appends only entries of its own term (section 5.3)');
  // 5.4.2: its commit index moves only with entries of its own term.
  assert(
    commit < leader.termStart || termAt(log, commit) === state.term,
    'a leader commits by entries of its own term (section 5.4.2)',
  );
  const peers = membersOf(configurationOf(state)).filter((id) => id !== state.id);
  assert(peers.length === leader.peers.size, 'a leader replicates to every member');
  for (const id of peers) {
    const progress = leader.peers.get(id);
    assert(progress !== undefined, 'a leader replicates to every member');
    checkProgress(state, leader, progress);
  }
  const uncommitted = cachedDataBytes(log, commit, log.lastIndex);
  assert(leader.uncommittedBytes === uncommitted, 'uncommitted bytes are counted');
  const { rounds } = leader;
  assert(rounds.confirmed <= rounds.started, 'only a round that was started is confirmed');
  const waiting = rounds.batches.reduce((sum, batch) => sum + batch.reads.length, rounds.waiting.length);
  assert(rounds.pendingReads === waiting, 'pending reads are counted');
}

function checkProgress(state: State, leader: LeaderState, progress: Progress): void {
  assert(progress.match < progress.next, 'a peer is not sent again what it has (figure 2)');
  assert(progress.match <= state.log.lastIndex, 'a peer matches only what the leader has (section 5.3)');
  assert(progress.next <= state.log.lastIndex + 1, 'nothing beyond the log is sent');
  assert(progress.commitSent <= state.commit, 'only what is committed is called committed');
  assert(progress.ackedRound <= leader.rounds.started, 'only a round that was started is answered');
  assert(progress.state === 'replicate' || progress.inflight.length === 0, 'only replicating has a window');
  assert(
    (progress.state === 'snapshot') === progress.pendingSnapshot > 0,
    'a snapshot is under way in its state',
  );
  let previous: number = progress.match;
  let bytes = 0;
  for (const inflight of progress.inflight) {
    assert(inflight.lastIndex > previous, 'the window ascends from the match index');
    previous = inflight.lastIndex;
    bytes += inflight.bytes;
  }
  assert(previous < progress.next, 'what is in flight was sent');
  assert(bytes === progress.inflightBytes, 'bytes in flight are counted');
}

/** Between two states of one term. */
function checkWithinTerm(before: State, after: State): void {
  // 5.2: "Each server will vote for at most one candidate in a given term".
  assert(before.vote === null || after.vote === before.vote, 'one vote a term (section 5.2)');
  const leaderBefore = leaderOf(before);
  const leaderAfter = leaderOf(after);
  // 5.2: election safety, as seen from here.
  assert(
    leaderBefore === null || leaderAfter === null || leaderBefore === leaderAfter,
    'at most one leader a term (section 5.2)',
  );
  if (after.role.kind !== 'leader') {
    return;
  }
  // 5.2: figure 4 has one way to lead.
  assert(
    before.role.kind === 'leader' || before.role.kind === 'candidate',
    'only a candidate becomes leader (section 5.2)',
  );
  if (before.role.kind === 'leader') {
    // 5.3: leader append-only.
    checkKept(before, after, before.log.lastIndex, 'a leader never overwrites its own log (section 5.3)');
    for (const [id, progress] of before.role.peers) {
      const now = after.role.peers.get(id);
      assert(now === undefined || now.match >= progress.match, 'a match index never goes back (section 5.3)');
    }
  }
}

/** Asserts that the log up to `through` is what it was, but for what compaction removed. */
function checkKept(before: State, after: State, through: LogIndex, message: string): void {
  assert(after.log.lastIndex >= through, message);
  const first = Math.max(before.log.firstIndex, after.log.firstIndex);
  for (const { firstIndex } of [...before.log.termRuns, ...after.log.termRuns]) {
    const index = Math.max(firstIndex, first) as LogIndex;
    if (index <= through) {
      assert(termAt(before.log, index) === termAt(after.log, index), message);
    }
  }
}
