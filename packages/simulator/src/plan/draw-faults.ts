import type { RandomStream } from '../kernel/random-stream.ts';
import type { CrashPoint, Fault, ScheduledFaultKind, Target } from './fault.ts';

/** No fault strikes before the members have had a moment to start. */
const FIRST_FAULT_MS = 200;

/** What the drawing of faults depends on. */
export type FaultSetting = { readonly members: number; readonly durationMs: number };

/**
 * Draws when faults of one kind strike: as often in this run as its stream says, at random times.
 *
 * `random` belongs to this kind alone, so that turning one kind off leaves the others where they were.
 */
export function drawFaults(kind: ScheduledFaultKind, setting: FaultSetting, random: RandomStream): Fault[] {
  const meanGapMs = random.between(1, 6) * 1000 * RARITY[kind];
  const faults: Fault[] = [];
  let atMs = FIRST_FAULT_MS;
  for (;;) {
    atMs += Math.ceil(random.exponential(meanGapMs));
    if (atMs >= setting.durationMs) {
      return faults;
    }
    const fault = drawFault(kind, atMs, setting.members, random);
    if (fault !== null) {
      faults.push(fault);
    }
    if (kind === 'bit-flip') {
      return faults; // A member is lost for good by it: one in a run.
    }
  }
}

/** How much rarer than others a kind is, because it sets the cluster back for long. */
const RARITY: Readonly<Record<ScheduledFaultKind, number>> = {
  crash: 1,
  'power-loss': 1,
  'crash-all': 3,
  'rolling-restart': 4,
  pause: 1,
  partition: 1,
  'one-way': 1,
  'broken-link': 1,
  'slow-link': 1,
  reset: 0.5,
  'disk-stall': 1,
  'disk-full': 2,
  'sync-failure': 1.5,
  'write-failure': 2,
  'misdirected-read': 1,
  'bit-flip': 2,
  'engine-failure': 2,
  'clock-leap': 1,
  'wall-clock-jump': 1,
  transfer: 1,
};

function drawFault(
  kind: ScheduledFaultKind,
  atMs: number,
  members: number,
  random: RandomStream,
): Fault | null {
  const target: Target = random.chance(0.5) ? 'leader' : random.integer(members);
  const forMs = random.pick([random.between(20, 300), random.between(300, 2500), random.between(2500, 5000)]);
  switch (kind) {
    case 'crash':
    case 'power-loss':
      return { atMs, kind, target, point: drawCrashPoint(random), downMs: drawDownMs(random) };
    case 'crash-all':
      return { atMs, kind, power: random.chance(0.5), downMs: drawDownMs(random) };
    case 'rolling-restart':
      return { atMs, kind, downMs: drawDownMs(random), gapMs: random.between(100, 1500) };
    case 'disk-full':
    case 'pause':
    case 'disk-stall':
      return { atMs, kind, target, forMs };
    case 'reset':
    case 'sync-failure':
    case 'write-failure':
    case 'misdirected-read':
    case 'engine-failure':
      return { atMs, kind, target };
    case 'bit-flip':
      return members < 3 ? null : { atMs, kind, target: random.integer(members) };
    case 'clock-leap':
      return { atMs, kind, target, byMs: random.pick([10, 100, 1000, 10_000]) };
    case 'wall-clock-jump':
      return { atMs, kind, target, byMs: random.pick([-3_600_000, -1000, 1000, 86_400_000]) };
    case 'partition':
    case 'one-way':
    case 'broken-link':
    case 'slow-link':
    case 'transfer':
      return members < 2 ? null : drawNetworkFault(kind, { atMs, target, forMs }, members, random);
  }
}

function drawNetworkFault(
  kind: 'partition' | 'one-way' | 'broken-link' | 'slow-link' | 'transfer',
  drawn: { readonly atMs: number; readonly target: Target; readonly forMs: number },
  members: number,
  random: RandomStream,
): Fault {
  const { atMs, target, forMs } = drawn;
  const hosts = random.shuffled(Array.from({ length: members }, (_, host) => host));
  const [first = 0, second = 1] = hosts;
  switch (kind) {
    case 'partition':
      return { atMs, kind, group: hosts.slice(0, random.between(1, members - 1)), forMs };
    case 'one-way':
      return { atMs, kind, target, direction: random.pick(['in', 'out']), forMs };
    case 'broken-link':
      return { atMs, kind, hosts: [first, second], forMs };
    case 'slow-link':
      return { atMs, kind, from: target, factor: random.pick([5, 50, 500]), forMs };
    case 'transfer':
      return { atMs, kind, to: first };
  }
}

function drawCrashPoint(random: RandomStream): CrashPoint {
  return random.pick(['now', 'now', 'write', 'sync', 'sync', 'create', 'rename', 'sync-directory']);
}

function drawDownMs(random: RandomStream): number {
  return random.pick([random.between(1, 100), random.between(100, 1500), random.between(1500, 5000)]);
}
