import { checkoutCommit } from '@quorate/simulator';
import { describeDetector, type Detection } from './detect.ts';
import type { Detector, Mutation } from './mutation.ts';

export type Attempt = { readonly detector: Detector; readonly detection: Detection };

/** A mutation, and what those said who were asked. */
export type Trial = { readonly mutation: Mutation; readonly attempts: readonly Attempt[] };

export function isCaught({ attempts }: Trial): boolean {
  return attempts.some(({ detection }) => detection.type === 'caught');
}

/** A table in Markdown, with a line for each attempt. */
export function tableOf(trials: readonly Trial[]): string {
  const rows = trials.flatMap(({ mutation, attempts }) =>
    attempts.map(({ detector, detection }) => {
      const seconds = detection.seconds.toFixed(1);
      const outcome = detection.type === 'broken' ? 'broken' : `${detection.type}, ${detection.after}`;
      return `| ${mutation.name} | ${mutation.fault} | ${describeDetector(detector)} | ${outcome} | ${seconds} |`;
    }),
  );
  return ['| Mutation | Fault | Asked | Outcome | Seconds |', '|---|---|---|---|---|', ...rows].join('\n');
}

/** The page `docs/mutations.md`: what was tried, and who caught what. */
export function pageOf(trials: readonly Trial[]): string {
  const caught = trials.filter(isCaught);
  const kinds = Map.groupBy(caught, (trial) => kindOf(catcherOf(trial)?.detector));
  const summary = [...kinds].map(([kind, { length }]) => `${length} by ${kind}`).join(', ');
  return [
    '# Mutations',
    '',
    `${trials.length} deliberate faults were put into the packages, one at a time; ${caught.length} were caught: ${summary}.`,
    `Written by \`npm run mutations -- --page\` at commit \`${checkoutCommit()}\`. Each mutation names those who are`,
    'asked, in order, and how much work that may be; the first who notices ends it. [DESIGN.md of the',
    'simulator](../packages/simulator/DESIGN.md) says how it works.',
    '',
    tableOf(trials),
    '',
  ].join('\n');
}

function catcherOf({ attempts }: Trial): Attempt | undefined {
  return attempts.find(({ detection }) => detection.type === 'caught');
}

function kindOf(detector: Detector | undefined): string {
  switch (detector?.kind) {
    case 'model-check':
      return 'the model checker';
    case 'simulate':
      return 'the simulator';
    case 'tests':
      return 'tests';
    case 'chaos':
      return 'live chaos';
    case undefined:
      return 'nobody';
  }
}
