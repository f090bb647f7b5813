import type { RaftOptions } from '../options.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What can befall a cluster, and how often, in relation to the others. */
export type Weights = Readonly<Record<RandomEvent, number>>;

export type RandomEvent =
  | 'deliver'
  | 'work'
  | 'time'
  | 'propose'
  | 'read'
  | 'campaign'
  | 'crash'
  | 'partition'
  | 'transfer'
  | 'unreachable'
  | 'compact'
  | 'change-members';

/** The conditions of one schedule. Drawn from the seed, so that a seed is all that a failure needs. */
export type Weather = {
  readonly weights: Weights;
  /** One message in so many is lost, or repeated, when it comes up; 0 for never. */
  readonly lossOneIn: number;
  readonly repeatOneIn: number;
  readonly reorders: boolean;
  readonly size: number;
  readonly options: Partial<RaftOptions>;
  /** Disks and state machines answer at once. */
  readonly automatic: boolean;
  readonly cachedOnRestart: number;
};

const mixed: Weights = {
  deliver: 50,
  work: 22,
  time: 5,
  propose: 10,
  read: 5,
  campaign: 2,
  crash: 2,
  partition: 2,
  transfer: 1,
  unreachable: 1,
  compact: 1,
  'change-members': 1,
};

/** Each focus looks for one kind of mistake, which a mixture of everything rarely meets. */
const focuses: readonly Weights[] = [
  mixed,
  // Votes: many campaigns, and crashes that forget what was not written.
  { ...mixed, propose: 1, read: 0, time: 1, campaign: 20, crash: 12, compact: 0, 'change-members': 0 },
  // Logs that part: leaders that write to few, and are replaced.
  { ...mixed, read: 0, time: 2, campaign: 8, partition: 8, crash: 5, compact: 0, 'change-members': 0 },
  // Reads: deposed leaders that are still asked, and time for leases to end.
  {
    ...mixed,
    work: 15,
    propose: 8,
    read: 15,
    time: 25,
    partition: 3,
    transfer: 3,
    compact: 0,
    'change-members': 0,
  },
  // Configurations: changes that leaders do not live to see committed.
  { ...mixed, read: 0, time: 1, campaign: 8, partition: 5, 'change-members': 10 },
];

export function drawWeather(random: SeededRandom): Weather {
  const weights = random.pick(focuses) ?? mixed;
  return {
    weights,
    lossOneIn: random.pick([0, 5, 20]) ?? 0,
    repeatOneIn: random.pick([0, 10]) ?? 0,
    reorders: random.oneIn(2),
    size: random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5]) ?? 3,
    options: drawOptions(random),
    automatic: random.oneIn(4),
    cachedOnRestart: random.pick([0, 3, 1000]) ?? 0,
  };
}

/** Draws one of the events, each as often as its weight says. */
export function drawEvent(random: SeededRandom, weights: Weights): RandomEvent {
  const events = Object.entries(weights) as [RandomEvent, number][];
  let choice = random.below(events.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [event, weight] of events) {
    choice -= weight;
    if (choice < 0) {
      return event;
    }
  }
  return 'deliver';
}

function drawOptions(random: SeededRandom): Partial<RaftOptions> {
  const lease = random.oneIn(4);
  return {
    preVote: !random.oneIn(3),
    checkQuorum: lease || !random.oneIn(4),
    reads: lease ? 'lease' : 'read-index',
    leaseDriftPercent: 0,
    logCacheMaxBytes: random.pick([0, 150, 1_000_000]) ?? 0,
    applyMaxEntries: random.pick([1, 3, 1000]) ?? 1,
    uncommittedMaxBytes: random.pick([30, 1_000_000]) ?? 30,
    pendingReadsMax: random.pick([2, 1000]) ?? 2,
    replication: {
      appendMaxEntries: random.pick([1, 2, 1000]) ?? 1,
      appendMaxBytes: random.pick([60, 100_000]) ?? 60,
      inflightMaxMessages: random.pick([1, 2, 64]) ?? 1,
      inflightMaxBytes: random.pick([100, 100_000]) ?? 100,
      persistBeforeSend: random.oneIn(3),
    },
  };
}
