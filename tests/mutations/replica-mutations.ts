import { chaos, type Mutation, simulate, tests } from './mutation.ts';

const replica = 'packages/replica/src';
const replicaTests = `${replica}/*.test.ts`;

/** Faults in the shell around the core: persister, pending writes and reads. */
export const replicaMutations: readonly Mutation[] = [
  {
    name: 'persisted-before-append',
    fault: 'messages that wait for the disk are sent when the write is started',
    edits: [
      {
        file: `${replica}/persister.ts`,
        find: '      await this.log.append(persists);',
        replace:
          '      const done = this.log.append(persists);\n      this.events.durable(null, writes.flatMap(({ messages }) => messages));\n      await done;',
      },
    ],
    detectors: [simulate(100), tests(replicaTests)],
  },
  {
    name: 'failed-fsync-ignored',
    fault: 'after a failed write the member goes on as if it had succeeded',
    edits: [
      {
        file: `${replica}/persister.ts`,
        find: '      await this.log.append(persists);',
        replace: '      await this.log.append(persists).catch(() => undefined);',
      },
    ],
    detectors: [simulate(200), tests(replicaTests)],
  },
  {
    name: 'read-before-applied',
    fault: 'a read is served as soon as its index is known, applied or not',
    edits: [
      {
        file: `${replica}/pending-reads.ts`,
        find: '    this.applied(appliedIndex);\n  }',
        replace: '    this.applied(index > appliedIndex ? index : appliedIndex);\n  }',
      },
    ],
    detectors: [simulate(100), tests(replicaTests)],
  },
  {
    name: 'follower-reads-locally',
    fault: 'linearizable reads are answered from the own state without asking the leader',
    edits: [
      {
        file: `${replica}/replica.ts`,
        find: '    const ready = this.requests.read(call);\n    this.scheduleTurn();\n    return ready;',
        replace: '    this.scheduleTurn();',
      },
    ],
    detectors: [simulate(50), tests(replicaTests), chaos('partition', 'delay')],
  },
  {
    name: 'lost-write-called-failed',
    fault: 'a write that was proposed and not seen to commit is reported as without effect',
    edits: [
      {
        file: `${replica}/pending-writes.ts`,
        find: '  return write.proposedTerm === null\n    ? new ReplicaError(code, message)',
        replace: '  return write.proposedTerm !== undefined\n    ? new ReplicaError(code, message)',
      },
    ],
    detectors: [simulate(200), tests(replicaTests), chaos('kill', 'isolate-leader', 'reset')],
  },
  {
    name: 'proposed-again-too-soon',
    fault: 'a write is proposed again although its first proposal may still commit',
    edits: [
      {
        file: `${replica}/pending-writes.ts`,
        find: '      if (write.proposedTerm !== null && write.proposedTerm < term) {',
        replace: '      if (write.proposedTerm !== null && write.proposedTerm <= term) {',
      },
    ],
    detectors: [simulate(200), tests(replicaTests)],
  },
  {
    name: 'sequence-starts-over',
    fault: "after a restart a member takes answers to its former life's commands for its own",
    edits: [
      {
        file: `${replica}/client-requests.ts`,
        find: 'this.nextSequence = options.random.integer(2 ** 31) * 2 ** 21 + 1;',
        replace: 'this.nextSequence = 1;',
      },
    ],
    detectors: [simulate(300), tests(replicaTests)],
  },
  {
    name: 'promotion-of-a-laggard',
    fault: 'a learner is promoted however far its log is behind',
    edits: [
      {
        file: `${replica}/membership-rules.ts`,
        find: '  if (!view.isInSync(id)) {\n',
        replace: '  if (false as boolean) {\n',
      },
      {
        file: `${replica}/membership-rules.ts`,
        find: 'becomesVoter === true && view.isInSync(id),',
        replace: 'becomesVoter === true && id !== 0n,',
      },
    ],
    detectors: [tests(`${replica}/membership-rules.test.ts`, `${replica}/membership.test.ts`)],
  },
  {
    name: 'newcomer-votes-at-once',
    fault: 'a new member is a voter before it has anything of the log',
    edits: [
      {
        file: `${replica}/membership-rules.ts`,
        find: '  const id = newId();\n  draft.learners.add(id);\n',
        replace: '  const id = newId();\n  draft.voters.add(id);\n',
      },
    ],
    detectors: [tests(`${replica}/membership-rules.test.ts`, `${replica}/membership.test.ts`)],
  },
  {
    name: 'removal-without-a-quorum',
    fault: 'a member is removed although those who remain could decide nothing',
    edits: [
      {
        file: `${replica}/membership-rules.ts`,
        find: '  checkVoters(view, configuration.voters);\n  return { configuration, added };',
        replace: '  return { configuration, added };',
      },
    ],
    detectors: [tests(`${replica}/membership-rules.test.ts`)],
  },
  {
    name: 'removed-member-goes-on',
    fault: 'a member that is told that it was removed goes on asking for votes',
    edits: [
      {
        file: `${replica}/replica.ts`,
        find: 'const removal = this.stopped ? null : this.membership.removal(asOf);',
        replace: 'const removal = asOf !== undefined ? null : this.membership.removal(asOf);',
      },
    ],
    detectors: [tests(`${replica}/membership.test.ts`)],
  },
  {
    name: 'newcomer-waits-to-be-called',
    fault: 'a member that has joined calls nobody before its log names its peers',
    edits: [
      {
        file: `${replica}/membership.ts`,
        find: 'const isBehind = (core.settled?.index ?? noIndex) < joinedAt;',
        replace: 'const isBehind = joinedAt < noIndex;',
      },
    ],
    detectors: [tests(`${replica}/membership.test.ts`)],
  },
  {
    name: 'change-believed-lost',
    fault: 'a change counts as made when something else was committed where it had been proposed',
    edits: [
      {
        file: `${replica}/membership-changes.ts`,
        find: '  if (found === term) {\n',
        replace: '  if (found !== undefined) {\n',
      },
    ],
    detectors: [tests(`${replica}/membership-changes.test.ts`)],
  },
  {
    name: 'no-farewell',
    fault: 'a member is cut off at once, with the writes that it has taken',
    edits: [
      {
        file: `${replica}/membership-changes.ts`,
        find: 'const farewell = leaving.length === 0 ? null : planFarewell(leaving, cluster);',
        replace: 'const farewell = leaving.length >= 0 ? null : planFarewell(leaving, cluster);',
      },
    ],
    detectors: [tests(`${replica}/membership.test.ts`)],
  },
];
