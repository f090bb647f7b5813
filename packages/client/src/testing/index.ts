export { FakeCluster } from './fake-cluster.ts';
export { type Fault, FakeMember } from './fake-member.ts';
export { FakeRefusal, FakeStore } from './fake-store.ts';
export { InstantClock } from './instant-clock.ts';
export { ManualClock } from './manual-clock.ts';
export { FakeWatch, toPut } from './fake-watch.ts';
