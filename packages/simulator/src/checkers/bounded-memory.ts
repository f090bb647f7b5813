import type { Input, Output, RaftCore } from '@quorate/raft';
import type { ReplicaMeasures } from '@quorate/replica';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';
import type { PlanLimits } from '../plan/plan.ts';

/** What may pile up. */
type Backlog = Pick<ReplicaMeasures, 'pendingWrites' | 'pendingReads' | 'inputs' | 'unwrittenBytes'>;

/** The largest command of a run, and the most inputs that wait for a core. */
export type OtherBounds = { readonly commandMaxBytes: number; readonly inputQueueMax: number };

/** Whatever happens, no queue of a member grows beyond its limit. */
export class BoundedMemory implements RunObserver {
  private readonly report: Report;
  private readonly limits: PlanLimits;
  private readonly others: OtherBounds;
  private readonly uncommitted = new Map<number, { readonly term: number; readonly bytes: number }>();

  constructor(report: Report, limits: PlanLimits, others: OtherBounds) {
    this.report = report;
    this.limits = limits;
    this.others = others;
  }

  coreStepped(member: MemberIdentity, core: RaftCore, _input: Input, _output: Output): void {
    const { role, applying, forwardedReads } = core.state;
    const { limits } = this;
    this.hold(member, 'entries being applied', applying.entries, limits.applyMaxEntries);
    this.hold(member, 'forwarded reads', forwardedReads.size, limits.pendingReadsMax);
    if (role.kind === 'leader') {
      this.hold(member, 'reads waiting for an index', role.rounds.pendingReads, limits.pendingReadsMax);
      this.checkUncommitted(member, core.term, role.uncommittedBytes);
      for (const progress of role.peers.values()) {
        this.hold(
          member,
          'appends in flight to one peer',
          progress.inflight.length,
          limits.inflightMaxMessages ?? Number.POSITIVE_INFINITY,
        );
      }
    }
  }

  /** A new leader may inherit more than the limit, since it does not know yet what is committed; it must not add to it. */
  private checkUncommitted(member: MemberIdentity, term: number, bytes: number): void {
    const before = this.uncommitted.get(member.host);
    const allowed = Math.max(this.limits.uncommittedMaxBytes, this.others.commandMaxBytes);
    if (before?.term === term && bytes > before.bytes) {
      this.hold(member, 'uncommitted bytes', bytes, allowed);
    }
    this.uncommitted.set(member.host, { term, bytes });
  }

  /** What the member around the core holds. */
  observeBacklog(member: MemberIdentity, backlog: Backlog): void {
    this.hold(member, 'unanswered writes', backlog.pendingWrites, this.limits.pendingProposalsMax);
    this.hold(member, 'unanswered reads', backlog.pendingReads, this.limits.pendingReadsMax);
    // Its own inputs, such as the end of a write, are never dropped; there are few of them.
    this.hold(member, 'inputs', backlog.inputs, this.others.inputQueueMax + 16);
  }

  private hold(member: MemberIdentity, what: string, count: number, max: number): void {
    if (count > max) {
      this.report({
        property: 'bounded-memory',
        explanation: `${member.name} holds ${count} ${what}, at most ${max} are allowed`,
      });
    }
  }
}
