import type { PlanChoices } from '../plan/draw-plan.ts';

/** The command that repeats a run, with its story. */
export function replayCommand(seed: number, choices: PlanChoices): string {
  const { members, mode, reads, engine, workload, durationMs, faults, allFaults } = choices;
  const { drop, calm, clientsMax, operationsMax, watchersMax, lessorsMax, lockersMax } = choices;
  const flags = [
    flag('members', members),
    flag('mode', mode),
    flag('reads', reads),
    flag('engine', engine),
    flag('workload', workload),
    flag(
      'faults',
      allFaults === true ? 'all' : faults?.join(',') || (faults === undefined ? undefined : 'none'),
    ),
    flag('duration', durationMs),
    flag('drop', drop?.toSorted((one, other) => one - other).join(',') || undefined),
    flag('calm', calm?.join(',') || undefined),
    flag('clients', clientsMax),
    flag('operations', operationsMax),
    flag('watchers', watchersMax),
    flag('lessors', lessorsMax),
    flag('lockers', lockersMax),
  ];
  return `npm run simulate -- --start ${seed} --seeds 1${flags.join('')} --trace`;
}

function flag(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : ` --${name} ${value}`;
}
