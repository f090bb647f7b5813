import { type Mutation, simulate, tests } from './mutation.ts';

const watch = 'packages/kv/src/watch';
const watchTests = `${watch}/*.test.ts`;

/** Faults in telling watchers what happens. */
export const watchMutations: readonly Mutation[] = [
  {
    name: 'watch-progress-overtakes',
    fault: 'progress is told before everything was told (as in etcd 15220)',
    edits: [
      {
        file: `${watch}/watch-stream.ts`,
        find: "return watcher.state.type === 'synced' && watcher.startRevision <= revision;",
        replace: 'return watcher.startRevision <= revision;',
      },
    ],
    detectors: [simulate(40, '--scenario', 'watch-progress-overtakes'), simulate(100), tests(watchTests)],
  },
  {
    name: 'watch-progress-before-start',
    fault: 'progress is told to a watcher that begins in the future (as in etcd 20221)',
    edits: [
      {
        file: `${watch}/watch-stream.ts`,
        find: "watcher.state.type === 'synced' && watcher.startRevision <= revision",
        replace: "watcher.state.type === 'synced' && revision > 0",
      },
    ],
    detectors: [simulate(40), tests(watchTests)],
  },
  {
    name: 'watch-events-before-start',
    fault: 'a watcher that begins in the future is told what happens before (as in etcd 20221)',
    edits: [
      {
        file: `${watch}/watcher.ts`,
        find: 'change.revision >= this.startRevision &&',
        replace: 'change.revision > 0 &&',
      },
    ],
    detectors: [simulate(40), tests(watchTests)],
  },
  {
    name: 'tombstone-compacted-too-early',
    fault: 'a deletion at the very revision that is compacted is forgotten (as in etcd 18089 and 19179)',
    edits: [
      {
        file: 'packages/kv/src/key-history.ts',
        find: 'return this.version !== 0 || modRevision >= compactedRevision;',
        replace: 'return this.version !== 0 || modRevision > compactedRevision;',
      },
      {
        file: 'packages/kv/src/key-history.ts',
        find: 'return modRevision >= compactedRevision || (nextRevision',
        replace: 'return modRevision > compactedRevision || (nextRevision',
      },
    ],
    detectors: [
      simulate(60, '--scenario', 'watched-tombstone'),
      tests(watchTests, 'packages/kv/src/*.test.ts'),
    ],
  },
  {
    name: 'watch-revision-split',
    fault: 'a slice of the past ends in the middle of a revision',
    edits: [
      {
        file: `${watch}/cohorts.ts`,
        find: 'if (change.revision > reached) {',
        replace: 'if (change.revision > reached || isFull) {',
      },
    ],
    detectors: [simulate(60), tests(watchTests)],
  },
  {
    name: 'watch-held-too-late',
    fault: 'a watcher whose client is slow goes on one revision too late',
    edits: [
      {
        file: `${watch}/watch-hub.ts`,
        find: 'watcher.stream.hold(watcher, revision);',
        replace: 'watcher.stream.hold(watcher, revision + 1);',
      },
    ],
    detectors: [simulate(40), tests(watchTests)],
  },
  {
    name: 'watch-held-for-ever',
    fault: 'a watcher whose client was slow is told nothing any more',
    edits: [
      {
        file: `${watch}/watch-stream.ts`,
        find: 'if (this.held.size > 0 && ',
        replace: 'if (this.held.size > 9 && ',
      },
    ],
    detectors: [simulate(40), tests(watchTests)],
  },
  {
    name: 'watch-slice-repeated',
    fault: 'the last revision of a slice is told again with the next one',
    edits: [
      {
        file: `${watch}/cohorts.ts`,
        find: '    cohort.next = reached + 1;\n    cohort.position = end;',
        replace: '    cohort.next = reached;\n    cohort.position = end - 1;',
      },
    ],
    detectors: [simulate(40), tests(watchTests)],
  },
  {
    name: 'watch-previous-is-new',
    fault: 'the state after a change is told as the one before it',
    edits: [
      {
        file: `${watch}/change-log.ts`,
        find: 'this.map.index.get(key)?.at(revision - 1)',
        replace: 'this.map.index.get(key)?.at(revision)',
      },
    ],
    detectors: [simulate(40), tests(watchTests)],
  },
  {
    name: 'watch-filters-exchanged',
    fault: 'who wants no puts gets no deletions',
    edits: [
      {
        file: `${watch}/watcher.ts`,
        find: 'this.wantsPuts = !request.filters.includes(FilterType.NOPUT);',
        replace: 'this.wantsPuts = !request.filters.includes(FilterType.NODELETE);',
      },
    ],
    detectors: [simulate(40), tests(watchTests)],
  },
  {
    name: 'watch-compacted-too-early',
    fault: 'a watcher that goes on at the compacted revision is ended',
    edits: [
      {
        file: `${watch}/cohorts.ts`,
        find: 'if (cohort.next < Math.max(log.compactedRevision, 0)) {',
        replace: 'if (cohort.next <= Math.max(log.compactedRevision, 0)) {',
      },
    ],
    detectors: [simulate(100), tests(watchTests)],
  },
  {
    name: 'watch-range-overlooked',
    fault: 'the tree of watched ranges forgets how far a subtree reaches when it is balanced',
    edits: [
      {
        file: `${watch}/interval-tree.ts`,
        find: '  if (left !== null) node.maxEnd = later(node.maxEnd, left.maxEnd);\n',
        replace: '',
      },
    ],
    detectors: [simulate(100), tests(watchTests)],
  },
  {
    name: 'watch-resumes-late-after-snapshot',
    fault: 'what happened while a snapshot was installed is not told',
    edits: [
      {
        file: `${watch}/watch-hub.ts`,
        find: 'next: Math.max(this.toldRevision + 1, watcher.startRevision)',
        replace: 'next: Math.max(map.revision + 1, watcher.startRevision)',
      },
    ],
    detectors: [simulate(100), tests(watchTests)],
  },
];
