import type { Input, MemberId, Output, RaftCore } from '@quorate/raft';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';

/** "At most one leader can be elected in a given term." (Raft, figure 3 and section 5.2) */
export class ElectionSafety implements RunObserver {
  private readonly report: Report;
  private readonly leaders = new Map<number, MemberId>();

  constructor(report: Report) {
    this.report = report;
  }

  coreStepped(member: MemberIdentity, core: RaftCore, _input: Input, _output: Output): void {
    if (core.role !== 'leader') {
      return;
    }
    const { term } = core;
    const known = this.leaders.get(term);
    if (known === undefined) {
      this.leaders.set(term, member.id);
    } else if (known !== member.id) {
      this.report({
        property: 'election-safety',
        explanation: `n${known} and ${member.name} both lead in term ${term}`,
      });
    }
  }
}
