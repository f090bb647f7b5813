import type { RandomStream } from '../kernel/random-stream.ts';
import { MEMBERSHIP_CHANGES } from './fault.ts';
import type { CrashPoint, Fault, ScheduledFaultKind, Target } from './fault.ts';

/** No fault strikes before the members have had a moment to start. */
const FIRST_FAULT_MS = 200;

/** What the drawing of faults depends on. */
export type FaultSetting = {
  readonly members: number;
  readonly durationMs: number;
  /** About how long one message and one write to disk take together. */
  readonly hopMs: number;
  readonly electionTimeoutMs: number;
  readonly reads: 'read-index' | 'lease';
  /** How many times as often as usual faults strike. */
  readonly intensity: number;
};

/**
 * Draws when faults of one kind strike: as often in this run as its stream says, at random times. How long they
 * last is drawn around what matters to the protocol: the time of a message, and that of an election.
 *
 * `random` belongs to this kind alone, so that turning one kind off leaves the others where they were.
 */
export function drawFaults(kind: ScheduledFaultKind, setting: FaultSetting, random: RandomStream): Fault[] {
  const testsLease = setting.reads === 'lease' && LEASE_KINDS.has(kind);
  const usualGapMs = random.between(1, 6) * 1000 * RARITY[kind] * (testsLease ? 0.4 : 1);
  const meanGapMs = usualGapMs / setting.intensity;
  const faults: Fault[] = [];
  let atMs = FIRST_FAULT_MS;
  for (;;) {
    atMs += Math.ceil(random.exponential(meanGapMs));
    if (atMs >= setting.durationMs) {
      return faults;
    }
    const fault = new FaultDrawer(atMs, setting, random).draw(kind);
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
  transfer: 0.7,
  'ping-pong': 1,
  coup: 1,
  fade: 1,
  usurp: 1,
  membership: 0.4,
};

/** A leader that is deposed without knowing it may answer reads that it must not. */
const LEASE_KINDS: ReadonlySet<ScheduledFaultKind> = new Set(['transfer', 'fade', 'usurp']);

/** Draws one fault that strikes at a given time. */
class FaultDrawer {
  private readonly atMs: number;
  private readonly setting: FaultSetting;
  private readonly random: RandomStream;

  constructor(atMs: number, setting: FaultSetting, random: RandomStream) {
    this.atMs = atMs;
    this.setting = setting;
    this.random = random;
  }

  /** Null for a fault that the cluster is too small for. */
  draw(kind: ScheduledFaultKind): Fault | null {
    const { atMs, random } = this;
    const { members } = this.setting;
    switch (kind) {
      case 'crash':
      case 'power-loss':
        return { atMs, kind, target: this.target(), point: this.crashPoint(), downMs: this.lengthMs() };
      case 'crash-all':
        return { atMs, kind, power: random.chance(0.5), downMs: this.lengthMs() };
      case 'rolling-restart':
        return { atMs, kind, downMs: this.lengthMs(), gapMs: random.between(100, 1500) };
      case 'disk-full':
      case 'pause':
      case 'disk-stall':
        return { atMs, kind, target: this.target(), forMs: this.lengthMs() };
      case 'reset':
      case 'sync-failure':
      case 'write-failure':
      case 'misdirected-read':
      case 'engine-failure':
        return { atMs, kind, target: this.target() };
      case 'bit-flip':
        return members < 3 ? null : { atMs, kind, target: random.integer(members) };
      case 'clock-leap':
        return { atMs, kind, target: this.target(), byMs: random.pick([10, 100, 1000, 10_000]) };
      case 'wall-clock-jump':
        return {
          atMs,
          kind,
          target: this.target(),
          byMs: random.pick([-3_600_000, -1000, 1000, 86_400_000]),
        };
      case 'membership':
        return { atMs, kind, change: random.pick(MEMBERSHIP_CHANGES) };
      case 'partition':
      case 'one-way':
      case 'broken-link':
      case 'slow-link':
        return members < 2 ? null : this.drawNetworkFault(kind);
      case 'transfer':
      case 'ping-pong':
      case 'coup':
      case 'fade':
      case 'usurp':
        return members < 2 ? null : this.drawUpheaval(kind);
    }
  }

  private drawNetworkFault(kind: 'partition' | 'one-way' | 'broken-link' | 'slow-link'): Fault {
    const { atMs, random } = this;
    const { members, electionTimeoutMs } = this.setting;
    const hosts = random.shuffled(Array.from({ length: members }, (_, host) => host));
    const [first = 0, second = 1] = hosts;
    const forMs = this.lengthMs();
    switch (kind) {
      case 'partition':
        return { atMs, kind, group: hosts.slice(0, random.between(1, members - 1)), forMs };
      case 'one-way':
        return { atMs, kind, target: this.target(), direction: random.pick(['in', 'out']), forMs };
      case 'broken-link':
        return { atMs, kind, hosts: [first, second], forMs };
      case 'slow-link': {
        const direction = random.pick(['in', 'out', 'out-to-one'] as const);
        const delayMs = Math.ceil(electionTimeoutMs * random.pick([0.1, 0.3, 0.6, 1, 2]));
        return { atMs, kind, target: this.target(), direction, delayMs, forMs };
      }
    }
  }

  private drawUpheaval(kind: 'transfer' | 'ping-pong' | 'coup' | 'fade' | 'usurp'): Fault {
    const { atMs, random } = this;
    const { members, electionTimeoutMs } = this.setting;
    switch (kind) {
      case 'transfer': {
        const lateMs = Math.ceil(electionTimeoutMs * random.pick([0, 0, 1.2, 2]));
        const deafMs = random.chance(0.5) ? this.lengthMs() : 0;
        return { atMs, kind, to: random.integer(members), lateMs, deafMs };
      }
      case 'ping-pong':
        return { atMs, kind, rounds: random.between(2, 8), gapMs: this.momentMs() + random.between(1, 200) };
      case 'coup': {
        const forMs = electionTimeoutMs * random.pick([random.between(3, 12), 40]);
        const strike = random.pick(['crash', 'power-loss', 'pause', 'isolate', 'mute', 'deafen'] as const);
        return { atMs, kind, forMs, strike, afterMs: this.momentMs(), lastsMs: this.lengthMs() };
      }
      case 'fade': {
        const delayMs = Math.ceil(electionTimeoutMs * random.pick([0.3, 0.6, 1, 2]));
        const muteMs = Math.ceil(electionTimeoutMs * random.between(2, 5));
        return { atMs, kind, delayMs, muteAfterMs: delayMs + this.lengthMs(), muteMs };
      }
      case 'usurp': {
        const afterMs = Math.ceil(electionTimeoutMs * (1 + 2 * random.fraction()));
        const forMs = Math.ceil(electionTimeoutMs * (0.5 + 1.5 * random.fraction()));
        return { atMs, kind, afterMs, downMs: random.between(1, 20), forMs };
      }
    }
  }

  private target(): Target {
    return this.random.chance(0.5) ? 'leader' : this.random.integer(this.setting.members);
  }

  private crashPoint(): CrashPoint {
    return this.random.pick(['now', 'now', 'write', 'sync', 'sync', 'create', 'rename', 'sync-directory']);
  }

  /** A time in which a message or a few are sent and written: where protocols are in the middle of something. */
  private momentMs(): number {
    const { hopMs } = this.setting;
    return Math.ceil(this.random.exponential(hopMs * this.random.pick([0.3, 1, 3, 10])) * 1000) / 1000;
  }

  /** From shorter than an election takes to much longer. */
  private lengthMs(): number {
    const { random } = this;
    const { electionTimeoutMs } = this.setting;
    return random.pick([
      random.between(1, 100),
      Math.ceil(electionTimeoutMs * (0.3 + random.fraction())),
      Math.ceil(electionTimeoutMs * (1 + 3 * random.fraction())),
      random.between(1500, 5000),
    ]);
  }
}
