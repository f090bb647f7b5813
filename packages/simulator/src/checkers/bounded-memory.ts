import type { Input, Output, RaftCore, RaftOptions } from '@quorate/raft';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';

/** What a core may hold at most; see `RaftOptions`. */
export type MemoryBounds = Pick<RaftOptions, 'pendingReadsMax' | 'uncommittedMaxBytes' | 'applyMaxEntries'>;

/** Whatever happens, no queue of the core grows beyond its limit. */
export class BoundedMemory implements RunObserver {
  private readonly report: Report;
  private readonly bounds: MemoryBounds;

  constructor(report: Report, bounds: MemoryBounds) {
    this.report = report;
    this.bounds = bounds;
  }

  coreStepped(member: MemberIdentity, core: RaftCore, _input: Input, _output: Output): void {
    const { role, applying, forwardedReads } = core.state;
    const { bounds } = this;
    this.hold(member, 'entries being applied', applying.entries, bounds.applyMaxEntries);
    this.hold(member, 'forwarded reads', forwardedReads.size, bounds.pendingReadsMax);
    if (role.kind === 'leader') {
      this.hold(member, 'reads waiting for an index', role.rounds.pendingReads, bounds.pendingReadsMax);
      this.hold(member, 'uncommitted bytes', role.uncommittedBytes, bounds.uncommittedMaxBytes);
    }
  }

  hold(member: MemberIdentity, what: string, count: number, max: number): void {
    if (count > max) {
      this.report({
        property: 'bounded-memory',
        explanation: `${member.name} holds ${count} ${what}, at most ${max} are allowed`,
      });
    }
  }
}
