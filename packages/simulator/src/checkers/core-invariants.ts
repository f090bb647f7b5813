import {
  checkState,
  checkTransition,
  cloneState,
  type Input,
  type Output,
  type RaftCore,
  type State,
} from '@quorate/raft';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';

/**
 * Checking and copying a state cost more than a step, so only every n-th state is looked at: what is broken
 * stays broken, and any two states of one life can be compared.
 */
const STATE_EVERY_STEPS = 16;
const TRANSITION_EVERY_STEPS = 96;

/** The core's own account of what must hold of one state, and of two successive ones (`invariants.ts` of raft). */
export class CoreInvariants implements RunObserver {
  private readonly report: Report;
  private readonly before = new Map<number, State>();
  private steps = 0;

  constructor(report: Report) {
    this.report = report;
  }

  coreRestored(member: MemberIdentity, core: RaftCore): void {
    this.before.delete(member.host);
    this.hold(member, () => checkState(core.state));
  }

  coreStepped(member: MemberIdentity, core: RaftCore, _input: Input, _output: Output): void {
    this.steps += 1;
    if (this.steps % STATE_EVERY_STEPS === 0) {
      this.hold(member, () => checkState(core.state));
    }
    if (this.steps % TRANSITION_EVERY_STEPS === 0) {
      const before = this.before.get(member.host);
      if (before !== undefined) {
        this.hold(member, () => checkTransition(before, core.state));
      }
      this.before.set(member.host, cloneState(core.state));
    }
  }

  private hold(member: MemberIdentity, check: () => void): void {
    try {
      check();
    } catch (error) {
      const explanation = `${member.name}: ${error instanceof Error ? error.message : String(error)}`;
      this.report({ property: 'core-invariants', explanation });
    }
  }
}
