import { type Mutation, simulate, tests } from './mutation.ts';

const kvTests = ['packages/kv/src/transaction.test.ts', 'packages/kv/src/store-model.test.ts'] as const;

/** Faults that let one act who has lost a lock; and, to judge the workload, locks without tokens and stale leaders. */
export const lockMutations: readonly Mutation[] = [
  {
    name: 'lock-token-of-a-key-that-is-gone',
    fault:
      'a comparison of the create revision holds for a key that does not exist, as when its lease has ended',
    edits: [
      {
        file: 'packages/kv/src/comparison.ts',
        find: 'return compare.target !== Target.VALUE && holdsFor(',
        replace: 'return compare.target === Target.CREATE || compare.target !== Target.VALUE && holdsFor(',
      },
    ],
    detectors: [simulate(40), tests(...kvTests)],
  },
  {
    name: 'lock-compared-with-the-past',
    fault: 'a comparison of the create revision sees what a deleted key was before',
    edits: [
      {
        file: 'packages/kv/src/comparison.ts',
        find: 'const version = map.current(key);',
        replace:
          'const history = map.index.get(key);\n    const version = map.current(key) ?? (compare.target === Target.CREATE ? (history?.at(history.modRevision - 1) ?? null) : null);',
      },
    ],
    detectors: [simulate(40), tests(...kvTests)],
  },
  {
    name: 'lock-kept-under-an-ended-lease',
    fault: 'a put names a lease that has ended, and is accepted: nobody ever deletes its key',
    edits: [
      {
        file: 'packages/kv/src/write.ts',
        find: 'request.lease !== 0n && map.leases.get(request.lease) === undefined',
        replace: 'request.lease < 0n',
      },
    ],
    detectors: [simulate(100), tests('packages/kv/src/leases.test.ts')],
  },
  {
    name: 'lock-without-fencing-outside',
    fault: 'the resource outside of the store accepts any token, so that two holders act',
    edits: [
      {
        file: 'packages/simulator/src/workload/fenced-resource.ts',
        find: 'token >= this.highest',
        replace: 'token > 0',
      },
    ],
    detectors: [simulate(40)],
  },
  {
    name: 'lock-without-fencing-inside',
    fault: 'a holder that stalled writes without comparing its token',
    edits: [
      {
        file: 'packages/simulator/src/workload/lock-requests.ts',
        find: 'txn: { compare: [compare],',
        replace: 'txn: { compare: createRevision === 0 ? [compare] : [],',
      },
    ],
    detectors: [simulate(40)],
  },
  {
    name: 'leader-seen-in-the-past',
    fault:
      'who leads is answered by any member from what it has, so that a leader is seen after its successor',
    edits: [
      {
        file: 'packages/simulator/src/workload/lock-client.ts',
        find: "      what: 'who leads',\n      perform: async (replica, call) => {\n        await replica.linearize(call);",
        replace: "      what: 'who leads',\n      perform: async (replica, _call) => {",
      },
    ],
    detectors: [simulate(100)],
  },
];
