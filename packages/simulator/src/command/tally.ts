import type { RunResult } from '../run/run-plan.ts';

/** The figures of all runs so far. */
export class Tally {
  /** Seeds of runs whose history nobody could judge within the limits. */
  readonly undecidedSeeds: number[] = [];
  readonly figures = {
    runs: 0,
    events: 0,
    simulatedMs: 0,
    answered: 0,
    unknown: 0,
    failed: 0,
    messages: 0,
    faults: 0,
    deaths: 0,
    undecided: 0,
    compactions: 0,
    compactedEntries: 0,
    installs: 0,
    runsWithCompaction: 0,
    runsWithInstall: 0,
    lockTurns: 0,
    lockActs: 0,
    lockRefusals: 0,
    lockOvertaken: 0,
    leaderSightings: 0,
    slowestRecoveryMs: 0,
  };

  add({ figures, plan }: RunResult): void {
    const sum = this.figures;
    sum.runs += 1;
    sum.events += figures.events;
    sum.simulatedMs += figures.simulatedMs;
    sum.answered += figures.operations.answered;
    sum.unknown += figures.operations.unknown;
    sum.failed += figures.operations.failed;
    sum.messages += figures.messages.sent;
    sum.faults += plan.faults.length;
    sum.deaths += figures.deaths;
    const { compactions, compactedEntries, installs } = figures.snapshots;
    sum.compactions += compactions;
    sum.compactedEntries += compactedEntries;
    sum.installs += installs;
    sum.runsWithCompaction += compactions > 0 ? 1 : 0;
    sum.runsWithInstall += installs > 0 ? 1 : 0;
    const { turns, accepted, refused, overtaken, sightings } = figures.locks;
    sum.lockTurns += turns;
    sum.lockActs += accepted;
    sum.lockRefusals += refused;
    sum.lockOvertaken += overtaken;
    sum.leaderSightings += sightings;
    if (figures.undecided) {
      sum.undecided += 1;
      this.undecidedSeeds.push(plan.seed);
    }
    sum.slowestRecoveryMs = Math.max(sum.slowestRecoveryMs, figures.recoveryMs);
  }

  /** For people who wait: how things stand. */
  progress(elapsedMs: number): readonly string[] {
    const { runs, simulatedMs, answered } = this.figures;
    const seconds = Math.max(elapsedMs, 1) / 1000;
    return [
      `${runs} runs`,
      `${(runs / seconds).toFixed(1)}/s`,
      `${(simulatedMs / 1000 / seconds).toFixed(0)}x real time`,
      `${answered} operations`,
    ];
  }

  /** For people: what was done, and how fast. */
  describe(elapsedMs: number): string {
    const sum = this.figures;
    const seconds = Math.max(elapsedMs, 1) / 1000;
    const rate = (sum.runs / seconds).toFixed(1);
    const speed = (sum.simulatedMs / 1000 / seconds).toFixed(0);
    return [
      `${sum.runs} runs in ${seconds.toFixed(1)} s (${rate} runs/s)`,
      `${(sum.simulatedMs / 3_600_000).toFixed(2)} simulated hours (${speed} times real time)`,
      `${sum.answered} operations checked, ${sum.unknown} with unknown outcome, ${sum.failed} that failed without effect`,
      `${sum.faults} scheduled faults, ${sum.deaths} processes ended, ${sum.messages} messages, ${sum.events} events`,
      `${sum.compactions} compactions of ${sum.compactedEntries} entries in ${sum.runsWithCompaction} runs, ${sum.installs} snapshots installed in ${sum.runsWithInstall} runs`,
      `${sum.lockTurns} turns of holders of locks, ${sum.lockActs} acts accepted, ${sum.lockRefusals} refused by the store, ${sum.lockOvertaken} outside after a later holder; leaders seen ${sum.leaderSightings} times`,
      `slowest recovery ${(sum.slowestRecoveryMs / 1000).toFixed(1)} s`,
      `${sum.undecided} histories undecided${this.#seeds()}`,
    ].join('\n');
  }

  #seeds(): string {
    return this.undecidedSeeds.length === 0 ? '' : ` (seeds ${this.undecidedSeeds.join(', ')})`;
  }
}
