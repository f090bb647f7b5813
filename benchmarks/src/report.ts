import { cpus } from 'node:os';
import type { BenchmarkOptions } from './options.ts';
import type { BenchmarkResult, Latencies } from './result.ts';

/** Where a measurement was taken: figures of two machines are not comparable. */
export function describeMachine(): { cpu: string; cores: number; node: string; platform: string } {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

/** One JSON document with everything that was measured, and how. */
export function formatJson(options: BenchmarkOptions, results: readonly BenchmarkResult[]): string {
  return JSON.stringify({ machine: describeMachine(), options, results }, null, 2);
}

/** Tables for people: one of latencies, one of what the processes used. */
export function formatTables(options: BenchmarkOptions, results: readonly BenchmarkResult[]): string {
  const machine = describeMachine();
  const { clients, keys, valueSizeBytes, members, reads, engine, durationSeconds } = options;
  const share = `${Math.round(reads * 100)} % reads`;
  return [
    `${machine.cores} x ${machine.cpu}, Node.js ${machine.node}; ${members} members and the load on this machine`,
    `${clients} clients, ${keys} keys, values of ${valueSizeBytes} bytes, ${share}, engine ${engine}, ${durationSeconds} s each`,
    '',
    table(
      ['system', 'requests', 'per second', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms', 'errors'],
      results.flatMap(latencyRows),
    ),
    '',
    table(['system', 'member', 'CPU us/op', 'resident MiB'], results.flatMap(usageRows)),
    ...notes(results),
  ].join('\n');
}

function latencyRows(result: BenchmarkResult): string[][] {
  const errors = Object.values(result.errors).reduce((total, { count }) => total + count, 0);
  const row = (kind: string, latency: Latencies): string[] => [
    result.system,
    kind,
    (latency.count / result.seconds).toFixed(0),
    ...[latency.p50, latency.p99, latency.p999, latency.max].map((us) => (us / 1000).toFixed(2)),
    String(errors),
  ];
  return [
    ...(result.puts.count > 0 || result.gets.count === 0 ? [row('puts', result.puts)] : []),
    ...(result.gets.count > 0 ? [row('gets', result.gets)] : []),
  ];
}

function usageRows(result: BenchmarkResult): string[][] {
  const number = (value: number | null, scale: number): string =>
    value === null ? 'unknown' : (value / scale).toFixed(0);
  return [
    ...result.members.map((member) => [
      result.system,
      member.leader ? `${member.name} (leader)` : member.name,
      number(member.cpuUsPerOperation, 1),
      number(member.residentBytes, 2 ** 20),
    ]),
    [result.system, 'all members', number(result.cpuUsPerOperation, 1), ''],
    [result.system, 'load', number(result.loadCpuUsPerOperation, 1), ''],
  ];
}

/** What a reader must know before comparing. */
function notes(results: readonly BenchmarkResult[]): string[] {
  const lines: string[] = [];
  for (const { system, errors, loadBusy } of results) {
    if (loadBusy > 0.9) {
      const percent = Math.round(loadBusy * 100);
      lines.push(
        `${system}: the load was busy ${percent} % of the time and may be the limit; try --workers 2`,
      );
    }
    for (const [code, { count, example }] of Object.entries(errors)) {
      lines.push(`${system}: ${count} requests failed with ${code}, such as: ${example}`);
    }
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Columns as wide as their widest cell; the first two to the left, numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return column < 2 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
