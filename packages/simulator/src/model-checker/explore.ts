import type { Bounds } from './bounds.ts';
import { type Cluster, ClusterModel } from './cluster.ts';
import { Fingerprinter } from './fingerprint.ts';
import { FingerprintSet } from './fingerprint-set.ts';
import { Frontier } from './frontier.ts';
import { startOf } from './start.ts';
import { Trail, type TrailStep } from './trail.ts';

/** When to stop before everything within the bounds has been seen. */
export type ExploreLimits = {
  readonly statesMax: number;
  readonly milliseconds: number;
};

export type ExploreReport = {
  readonly bounds: Bounds;
  readonly ending: Ending;
  /** States that differ in more than the names of the members. */
  readonly states: number;
  readonly transitions: number;
  /** The longest of the shortest ways from the start to the states seen. */
  readonly depth: number;
  /** All states that fewer events than that lead to have been seen, and all that follows from them. */
  readonly completeDepth: number;
  /** Different states of single members, and steps of the core that were executed; all others were known. */
  readonly memberStates: number;
  readonly coreSteps: number;
  readonly milliseconds: number;
  /** The chance that two states were taken for one because their 64-bit fingerprints are equal, at most. */
  readonly omissionProbability: number;
};

export type Ending =
  /** Everything within the bounds was seen. */
  | { readonly type: 'exhausted' }
  | { readonly type: 'limit'; readonly limit: keyof ExploreLimits }
  | { readonly type: 'violation'; readonly reason: string; readonly trail: readonly TrailStep[] };

export type ExploreProgress = Pick<ExploreReport, 'states' | 'transitions' | 'depth' | 'milliseconds'>;

export type ExploreOptions = {
  readonly bounds: Bounds;
  readonly limits: ExploreLimits;
  /** Search states that differ in the names of the members separately; to check that nothing depends on them. */
  readonly symmetric?: boolean;
  /** Milliseconds on some clock. */
  readonly now: () => number;
  /** Called now and then. */
  readonly onProgress?: (progress: ExploreProgress) => void;
};

/** How many states are continued between two looks at the clock. */
const statesPerLook = 1024;

/** Searches breadth first, so that a violation is reached by as few events as possible. */
export function explore(options: ExploreOptions): ExploreReport {
  return new Exploration(options).run();
}

class Exploration {
  readonly #options: ExploreOptions;
  readonly #model: ClusterModel;
  readonly #fingerprinter: Fingerprinter;
  readonly #seen = new FingerprintSet();
  readonly #frontier: Frontier;
  readonly #trail = new Trail();
  readonly #startMs: number;
  #transitions = 0;
  #depth = 0;
  /** The number of the first state that is deeper than the one being continued. */
  #levelEnd = 1;

  constructor(options: ExploreOptions) {
    this.#options = options;
    this.#model = new ClusterModel(options.bounds, { symmetric: options.symmetric ?? true });
    this.#fingerprinter = new Fingerprinter(this.#model);
    this.#frontier = new Frontier(this.#model);
    this.#startMs = options.now();
  }

  run(): ExploreReport {
    const { limits, onProgress } = this.#options;
    this.#add(startOf(this.#model, this.#options.bounds.start), 0, 0);
    for (let number = 0; !this.#frontier.isEmpty; number++) {
      if (number === this.#levelEnd) {
        this.#depth++;
        this.#levelEnd = this.#seen.size;
      }
      const violation = this.#continue(number);
      if (violation !== null) return this.#report(violation);
      if (this.#seen.size >= limits.statesMax) return this.#report({ type: 'limit', limit: 'statesMax' });
      if (number % statesPerLook === 0) {
        const { states, transitions, depth, milliseconds } = this.#figures();
        if (milliseconds >= limits.milliseconds)
          return this.#report({ type: 'limit', limit: 'milliseconds' });
        onProgress?.({ states, transitions, depth, milliseconds });
      }
    }
    return this.#report({ type: 'exhausted' });
  }

  /** Tries everything that may happen in the oldest state of the frontier, which has this number. */
  #continue(number: number): Ending | null {
    const cluster = this.#frontier.shift();
    this.#fingerprinter.setBase(cluster);
    for (const [ordinal, choice] of this.#model.choices(cluster).entries()) {
      const outcome = this.#model.take(cluster, choice);
      switch (outcome.type) {
        case 'skipped':
          break;
        case 'next':
          this.#transitions++;
          this.#add(outcome.cluster, number, ordinal);
          break;
        case 'violation': {
          const trail = this.#trail.retrace(this.#model, number, choice);
          return { type: 'violation', reason: outcome.reason, trail };
        }
      }
    }
    return null;
  }

  #add(cluster: Cluster, parent: number, ordinal: number): void {
    this.#fingerprinter.compute(cluster);
    if (!this.#seen.add(this.#fingerprinter.low, this.#fingerprinter.high)) return;
    this.#trail.add(parent, ordinal);
    this.#frontier.push(cluster);
  }

  #figures(): Omit<ExploreReport, 'bounds' | 'ending'> {
    const states = this.#seen.size;
    return {
      states,
      transitions: this.#transitions,
      depth: states > this.#levelEnd ? this.#depth + 1 : this.#depth,
      completeDepth: this.#depth,
      memberStates: this.#model.tables.members.rows.length,
      coreSteps: this.#model.coreSteps,
      milliseconds: this.#options.now() - this.#startMs,
      omissionProbability: (states * states) / 2 ** 65,
    };
  }

  #report(ending: Ending): ExploreReport {
    return { bounds: this.#options.bounds, ending, ...this.#figures() };
  }
}
