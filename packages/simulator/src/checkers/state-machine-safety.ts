import type { Entry, Input, Output, RaftCore } from '@quorate/raft';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';
import { describeEntry, sameEntry } from './entry-comparison.ts';

/**
 * "If a server has applied a log entry at a given index to its state machine, no other server will ever apply
 * a different log entry for the same index." (Raft, figure 3 and section 5.4.3) And none applies out of order.
 */
export class StateMachineSafety implements RunObserver {
  private readonly report: Report;
  private readonly applied: Entry[] = [];
  private readonly nextIndex = new Map<number, number>();

  constructor(report: Report) {
    this.report = report;
  }

  /** All entries that were applied by anyone, from index 1 on. */
  get appliedEntries(): readonly Entry[] {
    return this.applied.slice(1);
  }

  coreRestored(member: MemberIdentity, core: RaftCore): void {
    this.nextIndex.set(member.host, core.state.applying.applied + 1);
  }

  coreStepped(member: MemberIdentity, _core: RaftCore, input: Input, output: Output): void {
    if (input.type === 'snapshot-installed') {
      this.nextIndex.set(member.host, input.snapshot.index + 1);
    }
    for (const entry of output.entriesToApply) {
      this.check(member, entry);
    }
  }

  private check(member: MemberIdentity, entry: Entry): void {
    const expected = this.nextIndex.get(member.host);
    if (entry.index !== expected) {
      this.report({
        property: 'state-machine-safety',
        explanation: `${member.name} applies ${describeEntry(entry)} instead of entry ${expected}`,
      });
    }
    this.nextIndex.set(member.host, entry.index + 1);
    const known = this.applied[entry.index];
    if (known === undefined) {
      this.applied[entry.index] = entry;
    } else if (!sameEntry(known, entry)) {
      this.report({
        property: 'state-machine-safety',
        explanation: `${member.name} applies ${describeEntry(entry)}, another member applied ${describeEntry(known)}`,
      });
    }
  }
}
