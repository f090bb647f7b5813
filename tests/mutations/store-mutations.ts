import { type Mutation, simulate, tests } from './mutation.ts';

const kv = 'packages/kv/src';
const kvTests = `${kv}/*.test.ts`;

/** Faults in the state machine. */
export const storeMutations: readonly Mutation[] = [
  {
    name: 'applied-index-apart',
    fault: 'the applied index is stored later than the data that it is about',
    edits: [
      {
        file: `${kv}/store.ts`,
        find: '      appliedIndex: this.applied.index,',
        replace: '      appliedIndex: Math.max(0, this.applied.index - 1),',
      },
    ],
    detectors: [simulate(100), tests(kvTests)],
  },
  {
    name: 'entries-applied-twice',
    fault: 'entries that are applied already are applied again after a restart',
    edits: [
      {
        file: `${kv}/store.ts`,
        find: '        if (entry.index <= this.applied.index) continue;\n        assert(entry.index === this.applied.index + 1',
        replace: '        assert(entry.index > 0',
      },
      {
        file: 'packages/replica/src/restore.ts',
        find: '    { ...logged, applied },',
        replace: '    { ...logged, applied: toLogIndex(Math.max(logged.firstIndex - 1, applied - 1)) },',
      },
    ],
    detectors: [simulate(100), tests(kvTests)],
  },
  {
    name: 'revision-not-restored',
    fault: 'after a restart the revision goes back',
    edits: [
      {
        file: `${kv}/store-state.ts`,
        find: '    revision: counter(20),',
        replace: '    revision: Math.max(1, counter(20) - 1),',
      },
    ],
    detectors: [simulate(100), tests(kvTests)],
  },
  {
    name: 'empty-delete-makes-revision',
    fault: 'deleting nothing makes a new revision',
    edits: [
      {
        file: `${kv}/write.ts`,
        find: '    header: responseHeader(map.revision),\n    deleted: deleted.length,',
        replace:
          '    header: responseHeader(map.revision + (deleted.length === 0 ? 1 : 0)),\n    deleted: deleted.length,',
      },
    ],
    detectors: [simulate(50), tests(kvTests)],
  },
  {
    name: 'comparisons-see-changes',
    fault: 'a transaction inside of another one compares with what the outer one has changed',
    edits: [
      {
        file: `${kv}/transaction.ts`,
        find: "? { $case: 'plan', plan: decide(map, operation.requestTxn) }",
        replace:
          "? { $case: 'plan', plan: Object.assign(decide(map, operation.requestTxn), { request: operation.requestTxn }) }",
      },
      {
        file: `${kv}/transaction.ts`,
        find: 'responseTxn: execute(map, step.plan) });',
        replace: 'responseTxn: execute(map, decide(map, step.plan.request)) });',
      },
    ],
    detectors: [tests(kvTests), simulate(100)],
  },
  {
    name: 'transaction-not-atomic',
    fault: 'a transaction that is refused half-way leaves its first changes behind',
    edits: [
      {
        file: `${kv}/transaction.ts`,
        find: '  check(map, plan);\n  const response',
        replace: '  const response',
      },
      {
        file: `${kv}/transaction.ts`,
        find: "        return answer({ $case: 'responsePut', responsePut: executePut(map, step.requestPut) });",
        replace:
          "        checkPut(map, step.requestPut);\n        return answer({ $case: 'responsePut', responsePut: executePut(map, step.requestPut) });",
      },
      {
        file: `${kv}/store.ts`,
        find: "      assert(!this.map.isChanging, 'a refused command has changed nothing');",
        replace: '      this.map.endStep();',
      },
    ],
    detectors: [tests(kvTests), simulate(100)],
  },
  {
    name: 'version-survives-deletion',
    fault: 'a key that is created again goes on with its old version number',
    edits: [
      {
        file: `${kv}/versioned-map.ts`,
        find: '    const exists = history !== undefined && !history.isDeleted;',
        replace: '    const exists = history !== undefined;',
      },
    ],
    detectors: [simulate(50), tests(kvTests)],
  },
  {
    name: 'compaction-takes-the-boundary',
    fault: 'compaction removes the versions that are current at the compacted revision',
    edits: [
      {
        file: `${kv}/key-history.ts`,
        find: '    return modRevision >= compactedRevision || (nextRevision > compactedRevision && !isDeletion);',
        replace: '    return modRevision >= compactedRevision;',
      },
    ],
    detectors: [simulate(200), tests(kvTests)],
  },
  {
    name: 'compacted-revision-refused',
    fault: 'the compacted revision itself cannot be read any more',
    edits: [
      {
        file: `${kv}/versioned-map.ts`,
        find: '    if (requested < this.compacted) {',
        replace: '    if (requested <= this.compacted) {',
      },
    ],
    detectors: [simulate(200), tests(kvTests)],
  },
  {
    name: 'limit-before-count',
    fault: 'a range counts only the keys that it answers with',
    edits: [
      {
        file: `${kv}/range.ts`,
        find: '    more: !request.countOnly && matches > kvs.length,\n    count,',
        replace:
          '    more: !request.countOnly && matches > kvs.length,\n    count: request.countOnly ? count : kvs.length,',
      },
    ],
    detectors: [simulate(100), tests(kvTests)],
  },
];
