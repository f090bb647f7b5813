import type { PlanChoices } from '../plan/draw-plan.ts';
import { drawPlan } from '../plan/draw-plan.ts';
import { CONSTANT_FAULT_KINDS } from '../plan/fault.ts';
import type { RunResult } from '../run/run-plan.ts';

/** Runs a plan without a trace. */
export type Runner = (choices: PlanChoices) => Promise<RunResult>;

export type Shrunk = {
  /** What leads to the same violation with less going on. */
  readonly choices: PlanChoices;
  readonly result: RunResult;
  /** Runs that were tried. */
  readonly attempts: number;
};

/**
 * Looks for a smaller run of the same seed that violates the same property: shorter, with fewer faults, fewer
 * clients and fewer calls. Tries until nothing gets smaller, or `mayGoOn` says no.
 *
 * Since every purpose has a stream of randomness of its own, leaving one fault out changes the others' times
 * and targets in nothing; delays and elections may of course go another way afterwards.
 */
export async function shrink(
  found: { readonly choices: PlanChoices; readonly result: RunResult },
  run: Runner,
  mayGoOn: () => boolean,
): Promise<Shrunk> {
  const shrinker = new Shrinker(found, run, mayGoOn);
  let before = -1;
  while (before !== shrinker.successes && mayGoOn()) {
    before = shrinker.successes;
    await shrinker.shorten();
    await shrinker.calm();
    await shrinker.dropFaults();
    await shrinker.thinOut('clientsMax', 1);
    await shrinker.thinOut('operationsMax', 10);
    await shrinker.thinOut('watchersMax', 0);
    await shrinker.thinOut('lockersMax', 0);
    await shrinker.thinOut('lessorsMax', 0);
  }
  return { choices: shrinker.choices, result: shrinker.result, attempts: shrinker.attempts };
}

class Shrinker {
  choices: PlanChoices;
  result: RunResult;
  attempts = 0;
  successes = 0;
  private readonly property: string | undefined;
  private readonly run: Runner;
  private readonly mayGoOn: () => boolean;

  constructor(
    found: { readonly choices: PlanChoices; readonly result: RunResult },
    run: Runner,
    mayGoOn: () => boolean,
  ) {
    this.choices = found.choices;
    this.result = found.result;
    this.property = found.result.violation?.property;
    this.run = run;
    this.mayGoOn = mayGoOn;
  }

  /** Ends the faults at the violation, or if that came later, earlier and earlier. */
  async shorten(): Promise<void> {
    const { durationMs } = this.result.plan;
    const violationMs = this.result.figures.simulatedMs + 1;
    if (violationMs < durationMs && (await this.attempt({ durationMs: violationMs }))) {
      return;
    }
    let step = Math.floor(durationMs / 2);
    while (step >= 100 && this.mayGoOn()) {
      const shorterMs = this.result.plan.durationMs - step;
      if (shorterMs < 500 || !(await this.attempt({ durationMs: shorterMs }))) {
        step = Math.floor(step / 2);
      }
    }
  }

  /** Turns off constant faults, one kind after the other. */
  async calm(): Promise<void> {
    for (const kind of CONSTANT_FAULT_KINDS) {
      const calm = this.choices.calm ?? [];
      if (!calm.includes(kind) && this.isOn(kind)) {
        await this.attempt({ calm: [...calm, kind] });
      }
    }
  }

  /** Leaves out scheduled faults: halves, quarters, and so on down to single ones (Zeller's delta debugging). */
  async dropFaults(): Promise<void> {
    let chunk = Math.ceil(this.result.plan.faults.length / 2);
    while (chunk >= 1 && this.mayGoOn()) {
      const left = this.remainingFaults();
      for (let start = 0; start < left.length && this.mayGoOn(); start += chunk) {
        await this.attempt({ drop: [...(this.choices.drop ?? []), ...left.slice(start, start + chunk)] });
      }
      chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2);
    }
  }

  /** Halves the number of clients, of calls, or of clients that watch, have leases or want a lock. */
  async thinOut(
    what: 'clientsMax' | 'operationsMax' | 'watchersMax' | 'lessorsMax' | 'lockersMax',
    least: number,
  ): Promise<void> {
    const { workload, watch, leases, locks } = this.result.plan;
    const counts = {
      clientsMax: workload.clients,
      operationsMax: Math.min(workload.operationsMax, this.operationCount()),
      watchersMax: watch.clients,
      lessorsMax: leases.clients,
      lockersMax: locks.clients,
    };
    let count = counts[what];
    while (count > least && this.mayGoOn()) {
      count = Math.max(least, Math.floor(count / 2));
      if (!(await this.attempt({ [what]: count }))) {
        return;
      }
    }
  }

  private operationCount(): number {
    const { answered, unknown } = this.result.figures.operations;
    return answered + unknown;
  }

  private isOn(kind: (typeof CONSTANT_FAULT_KINDS)[number]): boolean {
    const { network, clockRates } = this.result.plan;
    switch (kind) {
      case 'loss':
        return network.lossChance > 0;
      case 'duplication':
        return network.duplicateChance > 0;
      case 'reordering':
        return network.reorderChance > 0;
      case 'retransmission':
        return network.retransmitChance > 0;
      case 'flaky-connections':
        return network.resetChance > 0;
      case 'clock-drift':
        return clockRates.some((rate) => rate !== 1);
    }
  }

  /** Positions, in the list as it was drawn, of the faults that still take place. */
  private remainingFaults(): number[] {
    const { drop: dropped = [], ...others } = this.choices;
    const { faults } = drawPlan(this.result.plan.seed, others);
    return faults.map((_, position) => position).filter((position) => !dropped.includes(position));
  }

  private async attempt(change: PlanChoices): Promise<boolean> {
    const choices = { ...this.choices, ...change };
    this.attempts += 1;
    const result = await this.run(choices);
    if (result.violation?.property !== this.property) {
      return false;
    }
    this.choices = choices;
    this.result = result;
    this.successes += 1;
    return true;
  }
}
