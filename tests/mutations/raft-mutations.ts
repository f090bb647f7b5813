import { chaos, modelCheck, type Mutation, simulate, tests } from './mutation.ts';

const raft = 'packages/raft/src';

/** Faults in the consensus core. */
export const raftMutations: readonly Mutation[] = [
  {
    name: 'vote-not-persisted',
    fault: 'a vote goes to the disk only if the term changed with it',
    edits: [
      {
        file: `${raft}/persistence.ts`,
        find: 'const electionChanged = handedOut.term !== state.term || handedOut.vote !== state.vote;',
        replace: 'const electionChanged = handedOut.term !== state.term;',
      },
    ],
    detectors: [modelCheck('elections'), simulate(50), tests(`${raft}/paper-section-5.test.ts`)],
  },
  {
    name: 'vote-before-fsync',
    fault: 'a vote is sent before it is on the disk',
    edits: [
      {
        file: `${raft}/election.ts`,
        find: "  sendAfterPersist(step, {\n    type: 'vote-response',",
        replace: "  send(step, {\n    type: 'vote-response',",
      },
    ],
    detectors: [modelCheck('elections'), simulate(50), tests(`${raft}/election.test.ts`)],
  },
  {
    name: 'acknowledgement-before-fsync',
    fault: 'a follower acknowledges entries before they are on its disk',
    edits: [
      {
        file: `${raft}/append.ts`,
        find: "  sendAfterPersist(step, {\n    type: 'append-response',",
        replace: "  send(step, {\n    type: 'append-response',",
      },
      {
        file: `${raft}/append.ts`,
        find: "import { sendAfterPersist, type Step } from './step.ts';",
        replace: "import { send, type Step } from './step.ts';",
      },
    ],
    detectors: [modelCheck('durability'), simulate(50), tests(`${raft}/append.test.ts`)],
  },
  {
    name: 'own-vote-before-fsync',
    fault: 'a candidate counts its own vote before it is on its disk',
    edits: [
      {
        file: `${raft}/roles.ts`,
        find: "setRole(step, { kind: 'candidate', votes: new Map() }, reason);",
        replace: "setRole(step, { kind: 'candidate', votes: new Map([[state.id, true]]) }, reason);",
      },
    ],
    detectors: [simulate(100), tests(`${raft}/election.test.ts`)],
  },
  {
    name: 'leader-counts-memory',
    fault: 'a leader counts itself for entries that are not on its own disk yet',
    edits: [
      {
        file: `${raft}/commit.ts`,
        find: 'return id === state.id ? state.persistence.durableIndex :',
        replace: 'return id === state.id ? state.log.lastIndex :',
      },
    ],
    detectors: [modelCheck('durability'), simulate(100), tests(`${raft}/commit.test.ts`)],
  },
  {
    name: 'old-term-committed-by-counting',
    fault: 'a leader commits an entry of an earlier term because it is on a majority (figure 8)',
    edits: [
      {
        file: `${raft}/commit.ts`,
        find: 'if (index > state.commit && termAt(state.log, index) === state.term) {',
        replace: 'if (index > state.commit) {',
      },
    ],
    detectors: [modelCheck('contested'), simulate(100), tests(`${raft}/paper-section-5.test.ts`)],
  },
  {
    name: 'append-always-truncates',
    fault: 'a late append cuts off entries behind it that are acknowledged already',
    edits: [
      {
        file: `${raft}/append.ts`,
        find: '  return known === 0 ? entries : entries.slice(known);',
        replace: '  return entries;',
      },
    ],
    detectors: [modelCheck('durability'), simulate(50), tests(`${raft}/append.test.ts`)],
  },
  {
    name: 'conflict-off-by-one',
    fault: 'a follower keeps the first entry that conflicts with its leader',
    edits: [
      {
        file: `${raft}/append.ts`,
        find: 'if (term !== entry.term && (entry.index > commit || term !== null)) {',
        replace: 'if (term !== entry.term && position > 0) {',
      },
    ],
    detectors: [modelCheck('contested'), simulate(50), tests(`${raft}/paper-section-5.test.ts`)],
  },
  {
    name: 'previous-term-not-compared',
    fault: 'a follower takes appends if it has an entry before them, whatever its term',
    edits: [
      {
        file: `${raft}/append.ts`,
        find: 'termAt(state.log, message.previousIndex) === message.previousTerm',
        replace: 'message.previousIndex <= state.log.lastIndex',
      },
    ],
    detectors: [modelCheck('contested'), simulate(50), tests(`${raft}/paper-section-5.test.ts`)],
  },
  {
    name: 'commit-beyond-match',
    fault: "a follower takes over the leader's commit index for entries that it has not compared",
    edits: [
      {
        file: `${raft}/append.ts`,
        find: 'const commit = message.commit < last ? message.commit : last;',
        replace:
          'const commit = message.commit < state.log.lastIndex ? message.commit : state.log.lastIndex;',
      },
    ],
    detectors: [simulate(100), tests(`${raft}/append.test.ts`)],
  },
  {
    name: 'heartbeat-commit-unbounded',
    fault: 'heartbeats carry a commit index that the peer is not known to have',
    edits: [
      {
        file: `${raft}/read-index.ts`,
        find: 'commit: progress.match < state.commit ? progress.match : state.commit,',
        replace: 'commit: state.commit,',
      },
    ],
    detectors: [modelCheck('contested,heartbeats=1'), simulate(50), tests(`${raft}/heartbeat.test.ts`)],
  },
  {
    name: 'matched-to-the-end',
    fault: 'a follower says that its whole log matches, not only what it was sent',
    edits: [
      {
        file: `${raft}/append.ts`,
        find: "answer(step, message, { kind: 'matched', matchIndex: last });",
        replace: "answer(step, message, { kind: 'matched', matchIndex: state.log.lastIndex });",
      },
    ],
    detectors: [modelCheck('contested'), simulate(100), tests(`${raft}/append.test.ts`)],
  },
  {
    name: 'vote-for-anyone',
    fault: 'a vote is given without comparing the logs',
    edits: [
      {
        file: `${raft}/election.ts`,
        find: 'couldVote(step, message.term, message.from) && isUpToDate(state.log, message.lastTerm, message.lastIndex);\n  if (granted',
        replace: 'couldVote(step, message.term, message.from);\n  if (granted',
      },
    ],
    detectors: [modelCheck('replication'), simulate(50), tests(`${raft}/paper-section-5.test.ts`)],
  },
  {
    name: 'longer-log-wins',
    fault: 'logs are compared by their length alone, not by the term of the last entry',
    edits: [
      {
        file: `${raft}/log.ts`,
        find: 'candidateLastTerm > ownTerm || (candidateLastTerm === ownTerm && candidateLastIndex >= log.lastIndex)',
        replace: 'candidateLastIndex >= log.lastIndex || candidateLastTerm > ownTerm',
      },
    ],
    detectors: [modelCheck('contested'), simulate(100), tests(`${raft}/log.test.ts`)],
  },
  {
    name: 'two-votes-a-term',
    fault: 'a member votes for everyone who asks in a term',
    edits: [
      {
        file: `${raft}/election.ts`,
        find: '  if (term !== state.term) {\n    return term > state.term;\n  }',
        replace:
          '  if (term !== state.term || leaderOf(state) === null) {\n    return term >= state.term;\n  }',
      },
    ],
    detectors: [modelCheck('elections'), simulate(50), tests(`${raft}/paper-section-5.test.ts`)],
  },
  {
    name: 'append-resets-vote',
    fault: 'hearing a leader takes back the vote of the term',
    edits: [
      {
        file: `${raft}/roles.ts`,
        find: '  state.election.elapsedTicks = 0;\n  renewPromise(step);',
        replace: '  state.vote = null;\n  state.election.elapsedTicks = 0;\n  renewPromise(step);',
      },
    ],
    detectors: [modelCheck('elections'), simulate(50)],
  },
  {
    name: 'old-term-admitted',
    fault: 'messages of an earlier term are handled as if they belonged to the current one',
    edits: [
      {
        file: `${raft}/terms.ts`,
        find: '    turnAway(step, message);\n    return false;',
        replace: '    return true;',
      },
    ],
    detectors: [modelCheck('contested'), simulate(50), tests(`${raft}/terms.test.ts`)],
  },
  {
    name: 'half-is-a-majority',
    fault: 'half of the voters count as a majority',
    edits: [
      {
        file: `${raft}/quorum.ts`,
        find: 'return Math.floor(count / 2) + 1;',
        replace: 'return Math.ceil(count / 2);',
      },
    ],
    detectors: [tests(`${raft}/quorum.test.ts`), modelCheck('quick,members=4')],
  },
  {
    name: 'joint-needs-one-majority',
    fault: 'during a change of membership the new voters decide alone',
    edits: [
      {
        file: `${raft}/quorum.ts`,
        find: '    ? Math.min(incoming, majorityValue(configuration.outgoingVoters, valueOf))\n    : incoming;',
        replace: '    ? incoming\n    : incoming;',
      },
    ],
    detectors: [tests(`${raft}/quorum.test.ts`), modelCheck('membership,termMax=3', 400_000)],
  },
  {
    name: 'configuration-at-commit',
    fault: 'a configuration counts once it is committed, not once it is in the log',
    edits: [
      {
        file: `${raft}/state.ts`,
        find: '  const last = state.configurations.at(-1);\n  return last',
        replace:
          '  const last = state.configurations.findLast(({ index }) => index <= state.commit);\n  return last',
      },
    ],
    detectors: [
      tests(`${raft}/membership.test.ts`, `${raft}/paper-section-6.test.ts`),
      modelCheck('membership,termMax=3', 400_000),
    ],
  },
  {
    name: 'second-change-while-one-runs',
    fault: 'a leader takes a change of membership before the one before it is committed',
    edits: [
      {
        file: `${raft}/membership.ts`,
        find: 'if (pending || !hasCommittedOwnTerm',
        replace: 'if (!hasCommittedOwnTerm',
      },
      {
        file: `${raft}/membership.ts`,
        find: '  const pending = (state.configurations.at(-1)?.index ?? 0) > state.commit;\n',
        replace: '',
      },
    ],
    detectors: [tests(`${raft}/membership.test.ts`), modelCheck('membership,termMax=3', 400_000)],
  },
  {
    name: 'change-before-own-term',
    fault: 'a new leader changes the membership before an entry of its own term is committed',
    edits: [
      {
        file: `${raft}/membership.ts`,
        find: ' || !hasCommittedOwnTerm(state, leader)',
        replace: '',
      },
      {
        file: `${raft}/membership.ts`,
        find: "import { advanceCommit, hasCommittedOwnTerm } from './commit.ts';",
        replace: "import { advanceCommit } from './commit.ts';",
      },
    ],
    detectors: [tests(`${raft}/membership.test.ts`)],
  },
  {
    name: 'learner-has-a-vote',
    fault: 'learners count as voters when it comes to commit',
    edits: [
      {
        file: `${raft}/quorum.ts`,
        find: '  const incoming = majorityValue(configuration.voters, valueOf);',
        replace:
          '  const incoming = majorityValue([...configuration.voters, ...configuration.learners], valueOf);',
      },
    ],
    detectors: [tests(`${raft}/membership.test.ts`)],
  },
  {
    name: 'removed-leader-stays',
    fault: 'a leader that is removed goes on leading',
    edits: [{ file: `${raft}/core.ts`, find: '  stepDownIfRemoved(step);\n', replace: '' }],
    detectors: [tests(`${raft}/membership.test.ts`, `${raft}/paper-section-6.test.ts`)],
  },
  {
    name: 'truncation-keeps-configuration',
    fault: 'a follower whose log is overwritten keeps the configuration that was overwritten with it',
    edits: [
      {
        file: `${raft}/log-changes.ts`,
        find: '      state.configurations.pop();\n',
        replace: '      break;\n',
      },
    ],
    detectors: [tests(`${raft}/membership.test.ts`)],
  },
  {
    name: 'joint-phase-never-ends',
    fault: 'nobody leaves a joint phase whose leader died',
    edits: [
      {
        file: `${raft}/membership.ts`,
        find: '  if (!isJoint(current)) {\n    return;\n  }\n  const next',
        replace:
          '  if (!isJoint(current) || (state.configurations.at(-1)?.index ?? 0) < leader.termStart) {\n    return;\n  }\n  const next',
      },
    ],
    detectors: [tests(`${raft}/paper-section-6.test.ts`)],
  },
  {
    name: 'stale-durability',
    fault: 'the late news of an overwritten write vouches for the entries that took its place',
    edits: [
      {
        file: `${raft}/log-changes.ts`,
        find: '  forgetDurability(state, offsetIndex(from, -1));\n',
        replace: '',
      },
    ],
    detectors: [
      modelCheck('contested,slowDisk=true,crashes=1'),
      simulate(100),
      tests(`${raft}/persistence.test.ts`),
    ],
  },
  {
    name: 'applied-before-durable',
    fault: 'committed entries are applied although the own disk does not have them',
    edits: [
      {
        file: `${raft}/apply.ts`,
        find: 'const last = state.commit < durableIndex ? state.commit : durableIndex;',
        replace: 'const last = state.commit;',
      },
    ],
    detectors: [modelCheck('durability'), simulate(50), tests(`${raft}/apply.test.ts`)],
  },
  {
    name: 'read-without-round',
    fault: 'a leader answers reads without asking whether it still leads',
    edits: [
      {
        file: `${raft}/read-index.ts`,
        find: '  if (leaseHolds(step, leader)) {',
        replace: '  if (step.nowMs >= 0) {',
      },
    ],
    detectors: [
      modelCheck('reads'),
      simulate(100),
      tests(`${raft}/read-index.test.ts`),
      chaos('pause', 'isolate-leader'),
    ],
  },
  {
    name: 'read-before-own-entry',
    fault: 'a new leader answers reads before an entry of its term is committed',
    edits: [
      {
        file: `${raft}/read-index.ts`,
        find: 'if (rounds.waiting.length === 0 || !hasCommittedOwnTerm(state, leader)) {',
        replace: 'if (rounds.waiting.length === 0) {',
      },
      {
        file: `${raft}/read-index.ts`,
        find: 'if (rounds.waiting.length > 0 && hasCommittedOwnTerm(state, leader)) {',
        replace: 'if (rounds.waiting.length > 0) {',
      },
    ],
    detectors: [modelCheck('reads'), simulate(200), tests(`${raft}/read-index.test.ts`)],
  },
  {
    name: 'read-joins-running-round',
    fault: 'a read is answered by heartbeats that were sent before it was asked',
    edits: [
      {
        file: `${raft}/read-index.ts`,
        find: '  rounds.pendingReads += 1;\n  rounds.waiting.push(read);\n',
        replace:
          '  rounds.pendingReads += 1;\n  const running = rounds.batches.at(-1);\n  if (rounds.started > rounds.confirmed && hasCommittedOwnTerm(step.state, leader)) {\n    rounds.batches.push({ round: rounds.started, index: running?.index ?? step.state.commit, reads: [read] });\n    return true;\n  }\n  rounds.waiting.push(read);\n',
      },
    ],
    detectors: [modelCheck('reads,heartbeats=1'), simulate(200), tests(`${raft}/read-index.test.ts`)],
  },
  {
    name: 'lease-survives-transfer',
    fault: 'a leader that hands over goes on answering reads by its lease',
    edits: [
      { file: `${raft}/transfer.ts`, find: '  role.lease.untilMs = 0;\n', replace: '' },
      { file: `${raft}/transfer.ts`, find: '    leader.lease.forfeited = true;\n', replace: '' },
      { file: `${raft}/lease.ts`, find: '    leader.transfer === null &&\n', replace: '' },
    ],
    detectors: [modelCheck('lease,crashes=0'), tests(`${raft}/lease.test.ts`)],
  },
  {
    name: 'lease-from-the-answer',
    fault: 'the read lease runs from when a heartbeat is answered, not from when it was sent',
    edits: [
      {
        file: `${raft}/lease.ts`,
        find: 'lease.untilMs = Math.max(lease.untilMs, oldest.sentMs + leaseMs(step.options));',
        replace: 'lease.untilMs = Math.max(lease.untilMs, step.nowMs + leaseMs(step.options));',
      },
    ],
    detectors: [modelCheck('lease,crashes=0,transfers=0,time=4'), tests(`${raft}/lease.test.ts`)],
  },
  {
    name: 'restart-forgets-promise',
    fault: 'a member that restarts helps to depose a leader whose lease it had promised to respect',
    edits: [
      {
        file: `${raft}/lease.ts`,
        find: '  if (step.state.election.promisedUntilMs === null) {\n    renewPromise(step);\n  }',
        replace: '  step.state.election.promisedUntilMs ??= step.nowMs;',
      },
    ],
    detectors: [
      modelCheck('lease,transfers=0,heartbeats=0,crashes=2,time=3'),
      tests(`${raft}/lease.test.ts`),
    ],
  },
  {
    name: 'refused-yet-appended',
    fault: 'a leader that hands over refuses a command and appends it all the same',
    edits: [
      {
        file: `${raft}/proposals.ts`,
        find: "    refuse(step, from, proposals, 'transferring');\n    return;",
        replace: "    refuse(step, from, proposals, 'transferring');",
      },
    ],
    detectors: [modelCheck('everything', 500_000), simulate(200), tests(`${raft}/proposals.test.ts`)],
  },
  {
    name: 'forwarded-in-any-term',
    fault: 'a leader appends commands that were forwarded in an earlier term',
    edits: [
      {
        file: `${raft}/proposals.ts`,
        find: "if (role.kind === 'leader' && message.term === term) {",
        replace: "if (role.kind === 'leader') {",
      },
    ],
    detectors: [tests(`${raft}/proposals.test.ts`)],
  },
  {
    name: 'snapshot-index-off-by-one',
    fault: 'after a snapshot is installed the log continues one entry too early',
    edits: [
      {
        file: `${raft}/log.ts`,
        find: '  log.firstIndex = offsetIndex(snapshot.index, 1);\n  log.previousTerm = snapshot.term;\n  log.lastIndex = snapshot.index;',
        replace:
          '  log.firstIndex = snapshot.index;\n  log.previousTerm = snapshot.term;\n  log.lastIndex = offsetIndex(snapshot.index, -1);',
      },
    ],
    detectors: [tests(`${raft}/snapshots.test.ts`, `${raft}/log.test.ts`)],
  },
];
