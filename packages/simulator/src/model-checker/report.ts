import { formatBounds } from './bounds.ts';
import type { ExploreProgress, ExploreReport } from './explore.ts';
import { formatTrail } from './trail.ts';

const REDRAW_EVERY_MS = 200;
const LINE_EVERY_MS = 30_000;

/** One line that is drawn over and over on a terminal; anywhere else a line now and then. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #name: string;
  readonly #statesMax: number;
  #lastDrawnMs = 0;
  #isDrawn = false;

  constructor(stream: NodeJS.WriteStream, name: string, statesMax: number) {
    this.#stream = stream;
    this.#name = name;
    this.#statesMax = statesMax;
  }

  update({ states, transitions, depth, milliseconds }: ExploreProgress): void {
    if (milliseconds - this.#lastDrawnMs < (this.#stream.isTTY ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
    this.#lastDrawnMs = milliseconds;
    const text = [
      `${this.#name}: ${count(states)} of at most ${count(this.#statesMax)} states`,
      `${count(perSecond(states, milliseconds))}/s`,
      `${count(transitions)} transitions`,
      `depth ${depth}`,
    ].join(', ');
    this.#isDrawn = this.#stream.isTTY;
    this.#stream.write(this.#stream.isTTY ? `\r\u001b[2K${text}` : `${text}\n`);
  }

  /** Wipes the line. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write('\r\u001b[2K');
    this.#isDrawn = false;
  }
}

export function describeReport(name: string, report: ExploreReport): string {
  const { ending, states, transitions, depth, completeDepth, memberStates, coreSteps, milliseconds } = report;
  const lines = [
    `${name}: ${headline(report)}`,
    `  ${count(states)} distinct states, ${count(transitions)} transitions, depth ${depth} (complete to ${completeDepth}), ` +
      `${(milliseconds / 1000).toFixed(1)} s, ${count(perSecond(states, milliseconds))} states/s`,
    `  ${count(memberStates)} states of single members, ${count(coreSteps)} steps of the core; ` +
      `two states confused with probability ${report.omissionProbability.toExponential(0)}`,
    `  bounds: ${formatBounds(report.bounds)}`,
  ];
  if (ending.type === 'violation') {
    lines.push(
      '',
      `VIOLATION: ${ending.reason}`,
      '',
      `Shortest way there, from the start "${report.bounds.start}":`,
    );
    lines.push(formatTrail(ending.trail));
  }
  return lines.join('\n');
}

function headline({ ending }: ExploreReport): string {
  switch (ending.type) {
    case 'exhausted':
      return 'no violation, everything within the bounds was seen';
    case 'limit':
      return `no violation, stopped by its limit of ${ending.limit === 'statesMax' ? 'states' : 'time'}`;
    case 'violation':
      return 'VIOLATION';
  }
}

function perSecond(states: number, milliseconds: number): number {
  return Math.round((states / Math.max(milliseconds, 1)) * 1000);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
