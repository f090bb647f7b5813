import type {
  Configuration,
  Input,
  LoggedConfiguration,
  LogIndex,
  MemberId,
  MonotonicMs,
  Output,
  RaftStatus,
  Term,
} from '@quorate/raft';
import { isJoint } from '@quorate/raft';
import { ReplicaError } from './replica-error.ts';
import type { Call } from './call.ts';
import type { MembershipChange, MembershipOutcome } from './membership-change.ts';
import {
  type ChangePlan,
  type ClusterView,
  duePromotion,
  planChange,
  planFarewell,
} from './membership-rules.ts';
import { chooseSuccessor } from './successor.ts';

/** What a member knows in one turn. */
export type MembershipView = Omit<ClusterView, 'configuration'> & {
  readonly status: RaftStatus;
  /** The configurations that may be in force, as `RaftCore.configurations`. */
  readonly configurations: readonly LoggedConfiguration[];
  /** The term of an entry of the own log; null if it is not there, or not any more. */
  readonly termAt: (index: LogIndex) => Term | null;
};

/** How far a change is that somebody has asked this member for. */
type Stage =
  /** In no log. */
  | { readonly kind: 'waiting' }
  /** This leader is one of those who leave: it hands over, and the next leader makes the change. */
  | { readonly kind: 'handing-over' }
  /** In the log of the leader of `term` at `index`. */
  | {
      readonly kind: 'proposed';
      readonly index: LogIndex;
      readonly term: Term;
      readonly plan: ChangePlan;
      /** Those who have lost their votes by it and are to be removed next; empty if this is the change itself. */
      readonly leaving: readonly MemberId[];
      /** It was seen to be committed: from then on it may leave the log. */
      isCommitted: boolean;
    }
  /** Those who leave get time to finish what they have begun. */
  | {
      readonly kind: 'draining';
      readonly index: LogIndex;
      readonly leaving: readonly MemberId[];
      ticksLeft: number;
    };

/** How long those who leave are waited for until they have lost their votes in their own logs, and then. */
const lagTicksMax = 10;
const drainTicks = 2;

type Running = {
  readonly changes: readonly MembershipChange[];
  readonly deadlineMs: MonotonicMs;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (outcome: MembershipOutcome) => void;
  readonly reject: (error: ReplicaError) => void;
  stage: Stage;
};

/**
 * The changes of membership that this member makes while it leads: one at a time for those who ask, and beside
 * them the promotion of learners that have caught up. The core has the last word on each (Raft, section 6).
 */
export class MembershipChanges {
  private readonly proposalId: number;
  private running: Running | null = null;
  private promotionDue = false;

  /** `proposalId` names configurations among the proposals of this member. */
  constructor(proposalId: number) {
    this.proposalId = proposalId;
  }

  /**
   * Makes the changes, all or none. Throws `change-running` if others are under way. A rejection with
   * `not-leader` means that they are in no log for good, and may be asked for again.
   */
  begin(changes: readonly MembershipChange[], call: Call): Promise<MembershipOutcome> {
    if (this.running !== null) {
      throw new ReplicaError(
        'change-running',
        'another change of membership is under way: try again when it has ended',
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<MembershipOutcome>();
    const { deadlineMs, signal } = call;
    this.running = { changes, deadlineMs, signal, resolve, reject, stage: { kind: 'waiting' } };
    return promise;
  }

  /** Whether `turn` has something to look at. */
  get wantsTurn(): boolean {
    return this.running !== null || this.promotionDue;
  }

  /** Time has passed: answers what has waited long enough, and looks for learners to promote. */
  tick(nowMs: MonotonicMs, configuration: Configuration): void {
    this.promotionDue = configuration.addresses.some(({ becomesVoter }) => becomesVoter === true);
    const { running } = this;
    if (running === null) {
      return;
    }
    if (running.stage.kind === 'draining') {
      running.stage.ticksLeft -= 1;
    }
    if (running.deadlineMs <= nowMs) {
      this.reject(lost(running, 'timed-out', 'the change of membership could not be made in time'));
    } else if (running.signal?.aborted === true) {
      this.reject(new ReplicaError('cancelled', 'the caller gave up'));
    }
  }

  /** Moves on as far as the state of the cluster allows. `step` gives the core an input. */
  turn(view: MembershipView, step: (input: Input) => Output): void {
    this.promotionDue = false;
    if (this.running?.stage.kind === 'proposed') {
      this.conclude(this.running, this.running.stage, view);
      return;
    }
    const { role, transferringTo } = view.status;
    if (role !== 'leader') {
      this.reject(new ReplicaError('not-leader', 'only the leader changes the membership'));
      return;
    }
    const [settled, ...unsettled] = view.configurations;
    if (settled === undefined || unsettled.length > 0 || isJoint(settled.configuration)) {
      return; // The change before has to end first.
    }
    if (transferringTo !== null) {
      return;
    }
    const cluster = { ...view, configuration: settled.configuration };
    if (this.running?.stage.kind === 'draining' && !isDrained(this.running.stage, view)) {
      return;
    }
    if (this.running === null) {
      const promotion = duePromotion(cluster);
      if (promotion !== null) {
        this.propose(promotion, view, step);
      }
    } else {
      this.start(this.running, view, cluster, step);
    }
  }

  /** The member stops. */
  stop(): void {
    if (this.running !== null) {
      this.reject(lost(this.running, 'stopped', 'the member is stopping'));
    }
  }

  private start(
    running: Running,
    view: MembershipView,
    cluster: ClusterView,
    step: (input: Input) => Output,
  ): void {
    let plan: ChangePlan;
    try {
      plan = planChange(running.changes, cluster);
    } catch (error) {
      if (!(error instanceof ReplicaError)) {
        throw error;
      }
      this.reject(error);
      return;
    }
    const { id } = view.status;
    if (!plan.configuration.voters.includes(id)) {
      const successor = chooseSuccessor(view.status, plan.configuration.voters, view.isActive);
      if (successor === null) {
        const explanation = 'the leader is to leave, and no other voter runs to whom it could hand over';
        this.reject(new ReplicaError('unhealthy-cluster', explanation));
        return;
      }
      running.stage = { kind: 'handing-over' };
      step({ type: 'transfer-leadership', to: successor });
      return;
    }
    const leaving = cluster.configuration.voters.filter(
      (voter) => !plan.configuration.voters.includes(voter) && view.isActive(voter),
    );
    const farewell = leaving.length === 0 ? null : planFarewell(leaving, cluster);
    const next = farewell ?? plan;
    const index = this.propose(next, view, step);
    if (index !== null) {
      const { term } = view.status;
      running.stage = {
        kind: 'proposed',
        index,
        term,
        plan: next,
        leaving: farewell === null ? [] : leaving,
        isCommitted: false,
      };
    }
  }

  /** Returns where the configuration was appended, or null if the core does not take it now. */
  private propose(
    { configuration }: ChangePlan,
    { status }: MembershipView,
    step: (input: Input) => Output,
  ): LogIndex | null {
    const id = this.proposalId;
    const { proposalsRefused } = step({ type: 'propose-configuration', id, configuration });
    return proposalsRefused.some((refusal) => refusal.id === id)
      ? null
      : ((status.lastIndex + 1) as LogIndex);
  }

  /** An entry is named by index and term: once something is committed there, it is known what came of this one. */
  private conclude(
    running: Running,
    stage: Stage & { readonly kind: 'proposed' },
    view: MembershipView,
  ): void {
    const { index, plan, leaving } = stage;
    if (!stage.isCommitted) {
      const error = whyNotCommitted(stage, view);
      if (error !== null) this.reject(error);
      if (error !== null || view.status.commit < index) return;
      stage.isCommitted = true;
    }
    const [settled, ...unsettled] = view.configurations;
    if (settled !== undefined && unsettled.length === 0 && !isJoint(settled.configuration)) {
      if (leaving.length > 0) {
        running.stage = { kind: 'draining', index, leaving, ticksLeft: lagTicksMax };
        return;
      }
      this.running = null;
      running.resolve({ added: plan.added, configuration: settled.configuration });
    }
  }

  private reject(error: ReplicaError): void {
    this.running?.reject(error);
    this.running = null;
  }
}

/** What has come in the place of a change that was proposed; null if it is still there. */
function whyNotCommitted(
  { index, term }: Stage & { readonly kind: 'proposed' },
  { status, termAt }: MembershipView,
): ReplicaError | null {
  const found = termAt(index);
  if (found === term) {
    return null;
  }
  if (found === null && status.commit >= index) {
    const message = 'the change was proposed, and a snapshot of another leader may hold it';
    return new ReplicaError('unknown-outcome', message);
  }
  return new ReplicaError('not-leader', 'another leader took over before the change was committed');
}

/** Whether those who leave know that they have no votes any more, and have had a moment to finish since. */
function isDrained(stage: Stage & { readonly kind: 'draining' }, view: MembershipView): boolean {
  const { index, leaving } = stage;
  const know = leaving.every((id) => {
    const peer = view.status.peers.find((candidate) => candidate.id === id);
    return peer === undefined || peer.match >= index || !view.isActive(id);
  });
  if (know) {
    stage.ticksLeft = Math.min(stage.ticksLeft, drainTicks);
  }
  return stage.ticksLeft <= 0;
}

/** The error for a change without an answer: `code` if it certainly has no effect. */
function lost(running: Running, code: 'timed-out' | 'stopped', message: string): ReplicaError {
  // A change that has only taken votes is no less uncertain: asking for it again ends it.
  return running.stage.kind === 'proposed' || running.stage.kind === 'draining'
    ? new ReplicaError('unknown-outcome', 'the change was proposed, but not seen to commit in time')
    : new ReplicaError(code, message);
}
