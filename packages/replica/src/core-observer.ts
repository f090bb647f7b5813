import type { Input, Output, RaftCore, SnapshotDescription } from '@quorate/raft';

/** Watches a member's core. It must change nothing that it is shown, and must not throw. */
export interface CoreObserver {
  /** There is no core yet, and the log is about to be emptied: a snapshot holds all of it. */
  replacing(snapshot: SnapshotDescription): void;
  /** The core is restored and has not taken a step yet. */
  restored(core: RaftCore): void;
  /** The core took a step; nothing of its output is done yet. */
  stepped(core: RaftCore, input: Input, output: Output): void;
}
