import type { Histogram } from './histogram.ts';
import type { LoadOutcome } from './load.ts';
import type { RequestErrors } from './request-errors.ts';
import type { ProcessUsage } from './process-usage.ts';

/** What one system did under the load, in numbers that a program can read. */
export type BenchmarkResult = {
  readonly system: string;
  readonly seconds: number;
  readonly operations: number;
  readonly operationsPerSecond: number;
  readonly gets: Latencies;
  readonly puts: Latencies;
  readonly errors: RequestErrors;
  readonly members: readonly MemberUsage[];
  /** Summed over the members; null if the system does not tell. */
  readonly cpuUsPerOperation: number | null;
  /** The process that makes the load. */
  readonly loadCpuUsPerOperation: number;
  readonly loadBusy: number;
};

/** Microseconds; 0 where nothing was measured. */
export type Latencies = {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
};

export type MemberUsage = {
  readonly name: string;
  readonly leader: boolean;
  readonly cpuUsPerOperation: number | null;
  readonly residentBytes: number | null;
};

/** What the members and the load had used at one moment. */
export type UsageMark = { readonly members: readonly (ProcessUsage | null)[]; readonly loadCpuMs: number };

export function summarize(
  system: string,
  names: readonly string[],
  leader: string | null,
  outcome: LoadOutcome,
  start: UsageMark,
  end: UsageMark,
): BenchmarkResult {
  const operations = outcome.gets.total + outcome.puts.total;
  const perOperation = (cpuMs: number): number => (operations === 0 ? 0 : (cpuMs * 1000) / operations);
  const members = names.map((name, index) => {
    const before = start.members[index] ?? null;
    const after = end.members[index] ?? null;
    const known = before !== null && after !== null;
    return {
      name,
      leader: name === leader,
      cpuUsPerOperation: known ? perOperation(after.cpuMs - before.cpuMs) : null,
      residentBytes: after?.residentBytes ?? null,
    };
  });
  return {
    system,
    seconds: outcome.seconds,
    operations,
    operationsPerSecond: operations / outcome.seconds,
    gets: latencies(outcome.gets),
    puts: latencies(outcome.puts),
    errors: outcome.errors,
    members,
    cpuUsPerOperation: sum(members.map((member) => member.cpuUsPerOperation)),
    loadCpuUsPerOperation: perOperation(end.loadCpuMs - start.loadCpuMs),
    loadBusy: outcome.busy,
  };
}

function latencies(histogram: Histogram): Latencies {
  return {
    count: histogram.total,
    p50: histogram.quantile(0.5),
    p99: histogram.quantile(0.99),
    p999: histogram.quantile(0.999),
    max: histogram.max,
  };
}

function sum(values: readonly (number | null)[]): number | null {
  return values.reduce((total, value) => (total === null || value === null ? null : total + value), 0);
}
