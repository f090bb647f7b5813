import { InvalidArgumentError } from 'commander';
import { Command, Option } from 'commander';
import type { PlanChoices } from '../plan/draw-plan.ts';
import { CONSTANT_FAULT_KINDS, FAULT_KINDS, type FaultKind } from '../plan/fault.ts';
import { WORKLOAD_NAMES } from '../plan/workloads.ts';
import { SCENARIOS } from '../scenarios/scenarios.ts';

/** What the command line asks for. */
export type SimulateOptions = {
  readonly start: number;
  readonly seeds: number;
  /** Stop after this many minutes, if that comes first; null for no limit. */
  readonly minutes: number | null;
  readonly choices: PlanChoices;
  readonly scenario: string | null;
  readonly trace: 'off' | 'story' | 'detail';
  readonly json: boolean;
  readonly shrink: boolean;
};

/** Parses the arguments after the script's name. Prints help or what is wrong and exits, as commander does. */
export function parseSimulateOptions(argv: readonly string[]): SimulateOptions {
  const command = new Command('simulate')
    .description('Runs simulated clusters, one for each seed, and stops at the first violation.')
    .option('--start <seed>', 'the first seed', integerOf, 1)
    .option('--seeds <count>', 'how many seeds', integerOf)
    .option('--minutes <minutes>', 'stop after this time, even if seeds are left', numberOf)
    .addOption(new Option('--members <count>', 'instead of a drawn number').choices(['1', '3', '5']))
    .addOption(new Option('--mode <mode>', 'of replication').choices(['vanilla', 'pipelined']))
    .addOption(new Option('--reads <mode>', 'of linearizable reads').choices(['read-index', 'lease']))
    .addOption(new Option('--engine <engine>').choices(['memory', 'durable-memory', 'sqlite', 'lmdb']))
    .addOption(new Option('--workload <name>').choices(WORKLOAD_NAMES))
    .option('--faults <kinds>', `"none", "all" at once, or some of: ${FAULT_KINDS.join(', ')}`, faultsOf)
    .option('--duration <ms>', 'simulated time until the faults end', integerOf)
    .option('--drop <positions>', 'leave out these of the drawn faults', positionsOf)
    .option('--calm <kinds>', `leave out some of: ${CONSTANT_FAULT_KINDS.join(', ')}`, kindsOf)
    .option('--clients <count>', 'at most this many', integerOf)
    .option('--operations <count>', 'at most this many', integerOf)
    .option('--watchers <count>', 'at most this many clients that watch', integerOf)
    .option('--lessors <count>', 'at most this many clients with leases', integerOf)
    .option('--lockers <count>', 'at most this many clients of a lock', integerOf)
    .addOption(
      new Option('--scenario <name>', 'run a named scenario instead of drawn plans').choices(
        SCENARIOS.map((scenario) => scenario.name),
      ),
    )
    .option(
      '--trace [level]',
      'tell the story of each run; "detail" adds messages, disk operations and calls',
    )
    .option('--json', 'print the outcome as one JSON object')
    .option('--no-shrink', 'do not look for a smaller run with the same violation');
  command.parse([...argv], { from: 'user' });
  return toOptions(command.opts<Parsed>());
}

type Parsed = {
  start: number;
  seeds?: number;
  minutes?: number;
  members?: string;
  mode?: 'vanilla' | 'pipelined';
  reads?: 'read-index' | 'lease';
  engine?: NonNullable<PlanChoices['engine']>;
  workload?: string;
  faults?: 'all' | readonly FaultKind[];
  duration?: number;
  drop?: readonly number[];
  calm?: readonly FaultKind[];
  clients?: number;
  operations?: number;
  watchers?: number;
  lessors?: number;
  lockers?: number;
  scenario?: string;
  trace?: string | true;
  json?: true;
  shrink: boolean;
};

function toOptions(parsed: Parsed): SimulateOptions {
  const { members, mode, reads, engine, workload, faults, duration, drop, calm, clients, operations } =
    parsed;
  const { watchers, lessors, lockers } = parsed;
  const choices: PlanChoices = {
    ...(members === undefined ? {} : { members: Number(members) }),
    ...(mode === undefined ? {} : { mode }),
    ...(reads === undefined ? {} : { reads }),
    ...(engine === undefined ? {} : { engine }),
    ...(workload === undefined ? {} : { workload }),
    ...(faults === undefined ? {} : choicesOfFaults(faults)),
    ...(duration === undefined ? {} : { durationMs: duration }),
    ...(drop === undefined ? {} : { drop }),
    ...(calm === undefined ? {} : { calm }),
    ...(clients === undefined ? {} : { clientsMax: clients }),
    ...(operations === undefined ? {} : { operationsMax: operations }),
    ...(watchers === undefined ? {} : { watchersMax: watchers }),
    ...(lessors === undefined ? {} : { lessorsMax: lessors }),
    ...(lockers === undefined ? {} : { lockersMax: lockers }),
  };
  return {
    start: parsed.start,
    seeds: parsed.seeds ?? (parsed.minutes === undefined ? 100 : Number.MAX_SAFE_INTEGER),
    minutes: parsed.minutes ?? null,
    choices,
    scenario: parsed.scenario ?? null,
    trace: levelOf(parsed.trace),
    json: parsed.json === true,
    shrink: parsed.shrink,
  };
}

function choicesOfFaults(faults: 'all' | readonly FaultKind[]): PlanChoices {
  return faults === 'all' ? { allFaults: true } : { faults };
}

function levelOf(trace: string | true | undefined): SimulateOptions['trace'] {
  if (trace === undefined) {
    return 'off';
  }
  return trace === 'detail' ? 'detail' : 'story';
}

function integerOf(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('It must be an integer of 0 or more.');
  }
  return value;
}

function numberOf(text: string): number {
  const value = Number(text);
  if (!(value > 0)) {
    throw new InvalidArgumentError('It must be a number above 0.');
  }
  return value;
}

function positionsOf(text: string): readonly number[] {
  return text.split(',').map(integerOf);
}

function faultsOf(text: string): 'all' | readonly FaultKind[] {
  return text === 'all' ? 'all' : text === 'none' ? [] : kindsOf(text);
}

function kindsOf(text: string): readonly FaultKind[] {
  return text.split(',').map((name) => {
    const kind = FAULT_KINDS.find((candidate) => candidate === name);
    if (kind === undefined) {
      throw new InvalidArgumentError(`There is no kind of fault "${name}".`);
    }
    return kind;
  });
}
