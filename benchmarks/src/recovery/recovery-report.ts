import { describeMachine, table } from '../report.ts';
import type { RecoveryOptions } from './recovery-options.ts';
import { compareSystems, type PutFigures, type RecoveryResult } from './recovery-result.ts';

/** The machine's load averages of 1, 5 and 15 minutes before anything was started. */
export type LoadAverages = readonly number[];

/** One JSON document with everything that was measured, and how. */
export function formatRecoveryJson(
  options: RecoveryOptions,
  load: LoadAverages,
  results: readonly RecoveryResult[],
): string {
  const document = {
    machine: describeMachine(),
    loadBefore: load,
    options,
    results,
    comparison: compareSystems(results),
  };
  return JSON.stringify(document, null, 2);
}

/** A table for people, and what a reader must know before comparing. */
export function formatRecovery(
  options: RecoveryOptions,
  load: LoadAverages,
  results: readonly RecoveryResult[],
): string {
  const { cores, cpu, node } = describeMachine();
  const { keys, valueSizeBytes, putsPerSecond, engine, snapshotCount } = options;
  const header = ['', 'unit', ...results.map(({ system }) => system), 'ratio'];
  const lines = compareSystems(results).map(({ what, unit, digits, figures, ratio }) => [
    what,
    unit,
    ...figures.map((figure) => figure?.toFixed(digits) ?? 'unknown'),
    ratio === null ? '' : ratio.toFixed(2),
  ]);
  return [
    `${cores} x ${cpu}, Node.js ${node}; 3 members and the load on this machine`,
    `load averages before: ${load.map((average) => average.toFixed(1)).join(', ')}`,
    `${keys} keys, values of ${valueSizeBytes} bytes, ${putsPerSecond} puts/s, engine ${engine}, log compacted every ${snapshotCount} entries`,
    '',
    table(header, lines),
    ...notes(options, results),
  ].join('\n');
}

function notes(options: RecoveryOptions, results: readonly RecoveryResult[]): string[] {
  const failures = results.flatMap(({ system, puts }) => [
    ...failed(system, 'alone', puts.alone),
    ...failed(system, 'during snapshots', puts.snapshot),
    ...failed(system, 'during compaction', puts.compaction),
  ]);
  const hasEtcd = results.some(({ system }) => system.startsWith('etcd'));
  const missing = options.etcd && !hasEtcd ? ['there is no etcd on the PATH to compare with'] : [];
  const lines = [...failures, ...missing];
  return lines.length === 0 ? [] : ['', ...lines];
}

function failed(system: string, when: string, { errors }: PutFigures): string[] {
  return Object.entries(errors).map(
    ([code, { count, example }]) =>
      `${system}: ${count} puts ${when} failed with ${code}, such as: ${example}`,
  );
}
