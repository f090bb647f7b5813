/** A deliberate fault: what it would mean in production, how it is put in, and who must notice. */
export type Mutation = {
  /** Kebab-case; unique. */
  readonly name: string;
  /** The fault, in one line that a reader of the report understands. */
  readonly fault: string;
  readonly edits: readonly Edit[];
  /** Tried in this order; the first that notices counts. At least one must. */
  readonly detectors: readonly [Detector, ...Detector[]];
};

/** Replaces a text that must occur exactly once in a file. */
export type Edit = {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

/** Who is asked, and how much work that may be. */
export type Detector =
  | { readonly kind: 'model-check'; readonly bounds: string; readonly statesMax: number }
  /** Simulated runs with the seeds 1 to `seeds`, with these further arguments. */
  | { readonly kind: 'simulate'; readonly seeds: number; readonly arguments: readonly string[] }
  | { readonly kind: 'tests'; readonly files: readonly string[] }
  /** Half a minute of live chaos with these kinds of faults. */
  | { readonly kind: 'chaos'; readonly faults: readonly string[] };

export function modelCheck(bounds: string, statesMax = 200_000): Detector {
  return { kind: 'model-check', bounds, statesMax };
}

export function simulate(seeds: number, ...args: readonly string[]): Detector {
  return { kind: 'simulate', seeds, arguments: args };
}

export function tests(...files: readonly string[]): Detector {
  return { kind: 'tests', files };
}

export function chaos(...faults: readonly string[]): Detector {
  return { kind: 'chaos', faults };
}
