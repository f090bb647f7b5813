import { type Mutation, simulate, tests } from './mutation.ts';

const raft = 'packages/raft/src';
const replica = 'packages/replica/src';
const storage = 'packages/storage/src';
const snapshotTests = `${replica}/snapshot/*.test.ts`;
const brokenInstallationTest = `${replica}/snapshot/broken-installation.test.ts`;

/** Faults in making, giving, taking and installing snapshots, and in cutting the log by them. */
export const snapshotMutations: readonly Mutation[] = [
  {
    name: 'log-cut-before-durable',
    fault: 'the log loses entries that a persistent engine has applied and not synced',
    edits: [
      {
        file: `${replica}/snapshot/log-compactor.ts`,
        find: 'store.isPersistent ? await store.sync() : await this.writeSnapshot()',
        replace: 'store.isPersistent ? store.appliedIndex : await this.writeSnapshot()',
      },
    ],
    detectors: [simulate(30, '--scenario', 'power-loss-after-rename')],
  },
  {
    name: 'no-tail',
    fault: 'compaction keeps nothing for followers that were away for a moment',
    edits: [
      {
        file: `${replica}/snapshot/log-compactor.ts`,
        find: '    return Math.min(durable, tail, isHeld ? needed : durable) as LogIndex;',
        replace: '    return Math.min(durable, isHeld ? needed : durable, tail * 0 + durable) as LogIndex;',
      },
    ],
    detectors: [tests(snapshotTests)],
  },
  {
    name: 'snapshot-of-unknown-term',
    fault: 'a member installs a snapshot whose last entry is of a term that it has not heard of',
    edits: [
      {
        file: `${raft}/snapshots.ts`,
        find: '    snapshot.term <= state.term &&\n',
        replace: '',
      },
    ],
    detectors: [tests(`${raft}/snapshots.test.ts`)],
  },
  {
    name: 'install-not-synced',
    fault: 'the log is emptied before the state machine that replaces it is on the disk',
    edits: [
      {
        file: `${replica}/snapshot/snapshots.ts`,
        find: '    await store.sync();\n    await persister.exclusive(',
        replace: '    await persister.exclusive(',
      },
    ],
    detectors: [tests(brokenInstallationTest)],
  },
  {
    name: 'file-of-broken-install-removed',
    fault: 'an installation that is broken off removes the file that the next start needs',
    edits: [
      {
        file: `${replica}/snapshot/snapshots.ts`,
        find: 'if (store.isPersistent && this.source.isIdle && !this.isInstalling) {',
        replace: 'if (store.isPersistent && this.source.isIdle) {',
      },
    ],
    detectors: [tests(brokenInstallationTest)],
  },
  {
    name: 'snapshot-condemned-at-once',
    fault: 'a snapshot file counts as damaged after one read that went astray',
    edits: [
      {
        file: `${replica}/snapshot/snapshot-source.ts`,
        find: '(await this.damageSeenIn(name)) === null ? null : this.damageSeenIn(name)',
        replace: 'this.damageSeenIn(name)',
      },
      {
        file: `${replica}/snapshot/restore-state.ts`,
        find: 'if (readings % 2 === 1) {',
        replace: 'if (readings === 0) {',
      },
    ],
    detectors: [tests(snapshotTests)],
  },
  {
    name: 'damaged-snapshot-goes-first',
    fault: 'a damaged snapshot file is set aside before there is another one',
    edits: [
      {
        file: `${replica}/snapshot/snapshot-source.ts`,
        find: '    const { description } = await make(damaged.index);\n',
        replace:
          '    await directory.setAside(damaged);\n    const { description } = await make(damaged.index);\n',
      },
    ],
    detectors: [tests(snapshotTests)],
  },
  {
    name: 'term-of-snapshot-not-adopted',
    fault: 'a snapshot replaces the log at a start, and the log is ahead of the term of the member',
    edits: [
      {
        file: `${replica}/snapshot/load-snapshot.ts`,
        find: '    await adoptTerm(log, description.term);\n',
        replace: '',
      },
    ],
    detectors: [tests(brokenInstallationTest)],
  },
  {
    name: 'interrupted-install-forgotten',
    fault: 'a start does not complete an installation that a crash interrupted',
    edits: [
      {
        file: `${replica}/snapshot/load-snapshot.ts`,
        find: '    if (name.index > store.appliedIndex) {',
        replace: '    if (name.index > store.appliedIndex && !store.isPersistent) {',
      },
    ],
    detectors: [tests(snapshotTests), simulate(60, '--scenario', 'interrupted-install')],
  },
  {
    name: 'log-kept-at-start',
    fault: 'a start that completes an installation leaves the log as it was',
    edits: [
      {
        file: `${replica}/snapshot/load-snapshot.ts`,
        find: '  const isReplacing = !logHolds(log.recovered, latest);',
        replace: '  const isReplacing = logHolds(log.recovered, latest) && false;',
      },
    ],
    detectors: [tests(snapshotTests), simulate(60, '--scenario', 'interrupted-install')],
  },
  {
    name: 'wrong-piece',
    fault: 'a receiver asks for the wrong piece of the file',
    edits: [
      {
        file: `${replica}/snapshot/snapshot-receiver.ts`,
        find: '        next += length;',
        replace: '        next += next === start ? length : length - 1;',
      },
    ],
    detectors: [tests(snapshotTests)],
  },
  {
    name: 'file-not-verified',
    fault: 'what has come gets its name without a look at its checksums',
    edits: [
      {
        file: `${storage}/incoming-snapshot.ts`,
        find: "      if (footer?.digest !== digest || !this.isComplete)\n        throw this.#wrong('another file has come than was offered');\n",
        replace: '      if (footer?.digest === digest && !this.isComplete) return;\n',
      },
    ],
    detectors: [tests(`${storage}/snapshot-directory.test.ts`)],
  },
  {
    name: 'proposed-again-after-snapshot',
    fault: 'a write that a snapshot may hold is proposed once more',
    edits: [
      {
        file: `${replica}/applier.ts`,
        find: '    this.writes.snapshotInstalled(term);',
        replace: '    this.writes.termApplied(term);',
      },
    ],
    detectors: [tests(`${replica}/applier.test.ts`), simulate(20, '--scenario', 'follower-after-compaction')],
  },
  {
    name: 'applied-after-install',
    fault: 'what was handed out before a snapshot is applied after it',
    edits: [
      {
        file: `${replica}/applier.ts`,
        find: '  drop(): void {\n    this.batches = [];',
        replace: '  drop(): void {\n    this.batches = this.batches.slice();',
      },
    ],
    detectors: [tests(`${replica}/applier.test.ts`)],
  },
  {
    name: 'elected-while-installing',
    fault: 'votes that arrive while its state machine is being replaced make a member leader',
    edits: [
      {
        file: `${raft}/snapshots.ts`,
        find: "    becomeFollower(step, state.term, null, 'installs a snapshot');",
        replace: '',
      },
    ],
    detectors: [tests(`${raft}/snapshots.test.ts`)],
  },
  {
    name: 'appends-while-installing',
    fault: 'a follower appends to a log that is about to be replaced',
    edits: [
      {
        file: `${raft}/append.ts`,
        find: '  if (state.installing !== null) {',
        replace: '  if (state.installing !== null && state.log.lastIndex < 0) {',
      },
    ],
    detectors: [tests(`${raft}/snapshots.test.ts`)],
  },
  {
    name: 'transfer-never-ends',
    fault: 'a leader waits for ever for a follower that does not fetch what it was offered',
    edits: [
      {
        file: `${replica}/snapshot/snapshots.ts`,
        find: "      this.parts.step({ type: 'snapshot-sent', peer, delivered: false });",
        replace: '',
      },
    ],
    detectors: [tests(snapshotTests)],
  },
];
