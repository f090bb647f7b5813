import type { RequestErrors } from '../request-errors.ts';

/** Puts at a steady rate. Latencies in microseconds; requests that failed are in none. */
export type PutFigures = {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly errors: RequestErrors;
};

/** What a member took from the start of its process; its CPU time does not depend on what else the machine does. */
export type StartFigures = {
  readonly seconds: number;
  /** User and system time of the process; null if the operating system does not tell. */
  readonly cpuSeconds: number | null;
};

/** What was measured of one system. */
export type RecoveryResult = {
  readonly system: string;
  readonly keys: number;
  /** How long it took to write all keys to the empty cluster. */
  readonly fillSeconds: number;
  readonly puts: {
    readonly alone: PutFigures;
    readonly snapshot: PutFigures;
    readonly compaction: PutFigures;
  };
  /** Of one snapshot, on average, while puts went on. */
  readonly snapshotSeconds: number;
  readonly snapshotBytes: number;
  /** Until the leader had freed the space of one revision of every key, while puts went on. */
  readonly compactionSeconds: number;
  /** Until it answered a linearizable read. */
  readonly serveAfterKill: StartFigures;
  readonly serveAfterStop: StartFigures;
  /** Until a member that began without data had applied all and counted all keys. */
  readonly catchUp: StartFigures;
};

/** One line of the comparison: a figure of each system, in their order. */
export type Comparison = {
  readonly what: string;
  readonly unit: string;
  readonly digits: number;
  /** Null is one that is not known. */
  readonly figures: readonly (number | null)[];
  /** The first system's figure over the last one's; null with one system, or if that is 0 or one is not known. */
  readonly ratio: number | null;
};

type Row = {
  readonly what: string;
  readonly unit: string;
  readonly digits: number;
  readonly figure: (result: RecoveryResult) => number | null;
};

const rows: readonly Row[] = [
  ...startRows('serves after a kill', (result) => result.serveAfterKill),
  ...startRows('serves after a stop', (result) => result.serveAfterStop),
  ...startRows('empty member catches up', (result) => result.catchUp),
  ...putRows('alone', ({ puts }) => puts.alone),
  ...putRows('during snapshots', ({ puts }) => puts.snapshot),
  ...putRows('during compaction', ({ puts }) => puts.compaction),
  row('p99 during snapshots', 'x alone', 2, ({ puts }) => puts.snapshot.p99Us / puts.alone.p99Us),
  row('p99 during compaction', 'x alone', 2, ({ puts }) => puts.compaction.p99Us / puts.alone.p99Us),
  row('a snapshot takes', 's', 2, (result) => result.snapshotSeconds),
  row('a snapshot is', 'MiB', 0, (result) => result.snapshotBytes / 2 ** 20),
  row('compaction takes', 's', 2, (result) => result.compactionSeconds),
  row('filling', 'keys/s', 0, (result) => result.keys / result.fillSeconds),
];

function row(what: string, unit: string, digits: number, figure: Row['figure']): Row {
  return { what, unit, digits, figure };
}

function startRows(what: string, of: (result: RecoveryResult) => StartFigures): Row[] {
  return [
    row(what, 's', 2, (result) => of(result).seconds),
    row(what, 's of CPU', 2, (result) => of(result).cpuSeconds),
  ];
}

function putRows(when: string, of: (result: RecoveryResult) => PutFigures): Row[] {
  return [
    row(`put p50 ${when}`, 'ms', 2, (result) => of(result).p50Us / 1000),
    row(`put p99 ${when}`, 'ms', 2, (result) => of(result).p99Us / 1000),
    row(`put max ${when}`, 'ms', 2, (result) => of(result).maxUs / 1000),
  ];
}

/** Every figure of every system, side by side. */
export function compareSystems(results: readonly RecoveryResult[]): Comparison[] {
  return rows.map(({ what, unit, digits, figure }) => {
    const figures = results.map(figure);
    return { what, unit, digits, figures, ratio: ratioOf(figures) };
  });
}

function ratioOf(figures: readonly (number | null)[]): number | null {
  const [first = null] = figures;
  const last = figures.at(-1) ?? null;
  if (figures.length < 2 || first === null || last === null || last === 0) return null;
  return first / last;
}
