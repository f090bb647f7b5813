/** One value of a metric, with the labels that tell it from the others. */
export type Sample = { readonly value: number; readonly labels?: Readonly<Record<string, string>> };

/** A metric whose values are looked up when somebody asks, from `Sources`. */
export type SampledMetric<Sources> = {
  readonly name: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels: readonly string[];
  /** What it says, with the unit. The same text is its `# HELP` and its row in docs/metrics.md. */
  readonly help: string;
  readonly read: (sources: Sources) => readonly Sample[];
};

/** A metric that counts observations in buckets. */
export type HistogramMetric = {
  readonly name: string;
  readonly kind: 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds, in the unit of the metric. */
  readonly buckets: readonly number[];
};
