import { leaseMutations } from './lease-mutations.ts';
import { lockMutations } from './lock-mutations.ts';
import type { Mutation } from './mutation.ts';
import { operationsMutations } from './operations-mutations.ts';
import { raftMutations } from './raft-mutations.ts';
import { replicaMutations } from './replica-mutations.ts';
import { snapshotContentMutations } from './snapshot-content-mutations.ts';
import { snapshotMutations } from './snapshot-mutations.ts';
import { storageMutations } from './storage-mutations.ts';
import { storeMutations } from './store-mutations.ts';
import { watchMutations } from './watch-mutations.ts';

export const mutations: readonly Mutation[] = [
  ...raftMutations,
  ...storageMutations,
  ...storeMutations,
  ...snapshotContentMutations,
  ...watchMutations,
  ...leaseMutations,
  ...lockMutations,
  ...replicaMutations,
  ...snapshotMutations,
  ...operationsMutations,
];
