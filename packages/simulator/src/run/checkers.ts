import { AtMostOnce } from '../checkers/at-most-once.ts';
import { BoundedMemory } from '../checkers/bounded-memory.ts';
import { CoreInvariants } from '../checkers/core-invariants.ts';
import { Durability } from '../checkers/durability.ts';
import { DurableLog } from '../checkers/durable-log.ts';
import { ElectionSafety } from '../checkers/election-safety.ts';
import { LeaderCompleteness } from '../checkers/leader-completeness.ts';
import { LogMatching } from '../checkers/log-matching.ts';
import { Monotonicity } from '../checkers/monotonicity.ts';
import { OneVotePerTerm } from '../checkers/one-vote-per-term.ts';
import { RevisionOrder } from '../checkers/revision-order.ts';
import { StateDigest } from '../checkers/state-digest.ts';
import { StateMachineSafety } from '../checkers/state-machine-safety.ts';
import type { Report, RunObserver } from '../cluster/run-observer.ts';
import { INPUT_QUEUE_MAX } from '../cluster/simulated-member.ts';
import type { RunPlan } from '../plan/plan.ts';
import type { AcknowledgedWrite } from '../workload/history-recorder.ts';
import { toText } from '../workload/requests.ts';

/** Keys, comparisons and the rest of a command, without the values. */
const COMMAND_OVERHEAD_BYTES = 500;

/** All that watches a run while it goes on. Linearizability and liveness are judged when it is over. */
export class Checkers {
  readonly observers: readonly RunObserver[];
  readonly revisionOrder: RevisionOrder;
  readonly stateDigest: StateDigest;
  readonly durability: Durability;
  readonly atMostOnce: AtMostOnce;
  readonly stateMachineSafety: StateMachineSafety;
  readonly boundedMemory: BoundedMemory;

  constructor(report: Report, { limits, workload }: RunPlan) {
    this.stateMachineSafety = new StateMachineSafety(report);
    this.boundedMemory = new BoundedMemory(report, limits, {
      // A transaction of the workloads writes three values at most.
      commandMaxBytes: 3 * workload.valueBytes + COMMAND_OVERHEAD_BYTES,
      inputQueueMax: INPUT_QUEUE_MAX,
    });
    this.observers = [
      new ElectionSafety(report),
      new OneVotePerTerm(report),
      new LogMatching(report),
      new LeaderCompleteness(report),
      this.stateMachineSafety,
      new Monotonicity(report),
      new CoreInvariants(report),
      new DurableLog(report),
      this.boundedMemory,
    ];
    this.revisionOrder = new RevisionOrder(report);
    this.stateDigest = new StateDigest(report);
    this.durability = new Durability(report);
    this.atMostOnce = new AtMostOnce(report);
  }

  /** A client got an answer to a command. */
  acknowledged({ client, call, answer }: AcknowledgedWrite): void {
    if (call.kind !== 'command' || answer.kind !== 'command') {
      return;
    }
    const { body } = call;
    const { response } = answer;
    if (body.$case === 'put' && response.$case === 'put') {
      const revision = response.put.header?.revision ?? 0;
      const value = toText(body.put.value);
      this.durability.acknowledged(toText(body.put.key), value, revision);
      this.revisionOrder.acknowledged(`the put of ${value} by client ${client}`, revision);
    }
  }
}
