import type { Report } from '../cluster/run-observer.ts';

/** Digests read the whole store: they are taken at about one applied index in this many, and at the end. */
const SAMPLE_EVERY = 64;

/** State machines that have applied the same entries hold the same state, on every member, engine and life. */
export class StateDigest {
  private readonly report: Report;
  private readonly digests = new Map<number, { readonly digest: string; readonly who: string }>();
  private compared = 0;

  constructor(report: Report) {
    this.report = report;
  }

  /** How many digests were held against another one. */
  get comparisons(): number {
    return this.compared;
  }

  /** A state machine stands at this index; its digest is taken if it is one of the sample, or `always`. */
  observe(who: string, appliedIndex: number, digest: () => string, always: boolean): void {
    if (!always && Math.imul(appliedIndex, 0x9e37_79b1) >>> 0 >= 0x1_0000_0000 / SAMPLE_EVERY) {
      return;
    }
    const own = digest();
    const known = this.digests.get(appliedIndex);
    if (known === undefined) {
      this.digests.set(appliedIndex, { digest: own, who });
      return;
    }
    this.compared += 1;
    if (known.digest !== own) {
      this.report({
        property: 'state-digest',
        explanation: `${who} and ${known.who} hold different states with entry ${appliedIndex} applied`,
      });
    }
  }
}
