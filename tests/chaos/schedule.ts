import { type RandomStream, streamOf } from '@quorate/simulator';

/** A member by its position, or whoever leads when the fault begins. */
export type Target = number | 'leader';

/**
 * How a cut goes by.
 *
 * - `late`: what was sent meanwhile arrives when it is over.
 * - `lost`: it never arrives; the connections break when it is over.
 * - `refused`: the connections break at once, and none can be made.
 */
export type Cut = 'late' | 'lost' | 'refused';

export type Fault = {
  /** Since the start of the faults. */
  readonly atMs: number;
} & FaultBody;

export type FaultBody =
  /** kill -9, and a start after a while. */
  | { readonly kind: 'kill'; readonly target: Target; readonly downMs: number }
  | { readonly kind: 'kill-all'; readonly downMs: number }
  /** SIGTERM, as an operator's restart does it. */
  | { readonly kind: 'restart'; readonly target: Target; readonly downMs: number }
  /** One member after the other, each as soon as the one before it serves again. */
  | { readonly kind: 'rolling-restart' }
  /** SIGSTOP, later SIGCONT. */
  | { readonly kind: 'pause'; readonly target: Target; readonly forMs: number }
  /** These members and all others do not hear each other. */
  | {
      readonly kind: 'partition';
      readonly group: readonly number[];
      readonly cut: Cut;
      readonly forMs: number;
    }
  /** The leader and a minority with it are alone, while clients still reach them. */
  | { readonly kind: 'isolate-leader'; readonly cut: Cut; readonly forMs: number }
  /** The other members do not hear one (`out`), or it does not hear them (`in`). */
  | {
      readonly kind: 'one-way';
      readonly target: Target;
      readonly direction: 'in' | 'out';
      readonly cut: 'late' | 'lost';
      readonly forMs: number;
    }
  /** Two members do not hear each other; all others do. */
  | {
      readonly kind: 'broken-link';
      readonly pair: readonly [number, number];
      readonly cut: Cut;
      readonly forMs: number;
    }
  /** What one member sends to the others arrives late. */
  | { readonly kind: 'delay'; readonly target: Target; readonly delayMs: number; readonly forMs: number }
  /** Little of what one member sends to the others gets through. */
  | {
      readonly kind: 'slow';
      readonly target: Target;
      readonly bytesPerSecond: number;
      readonly forMs: number;
    }
  /** All connections of one member break, those of clients included. */
  | { readonly kind: 'reset'; readonly target: Target }
  /** Clients do not hear what one member answers. */
  | {
      readonly kind: 'lost-answers';
      readonly target: Target;
      readonly cut: 'late' | 'lost';
      readonly forMs: number;
    };

export type FaultKind = Fault['kind'];

export const faultKinds = [
  'kill',
  'kill-all',
  'restart',
  'rolling-restart',
  'pause',
  'partition',
  'isolate-leader',
  'one-way',
  'broken-link',
  'delay',
  'slow',
  'reset',
  'lost-answers',
] as const satisfies readonly FaultKind[];

/** Those that need somebody else to be cut off from. */
const needOthers: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'partition',
  'isolate-leader',
  'one-way',
  'broken-link',
  'delay',
  'slow',
]);

/** Faults follow each other at this distance on average, so that some overlap and some are alone. */
const meanGapMs = 2_500;
const shortestGapMs = 100;

/** Draws faults of these kinds for a time. The same arguments give the same schedule. */
export function drawSchedule(options: {
  readonly seed: number;
  readonly members: number;
  readonly durationMs: number;
  readonly kinds: readonly FaultKind[];
}): readonly Fault[] {
  const kinds = options.kinds.filter((kind) => options.members > 1 || !needOthers.has(kind));
  if (kinds.length === 0) {
    return [];
  }
  const random = streamOf(options.seed, 'chaos.faults');
  const faults: Fault[] = [];
  for (;;) {
    const previousMs = faults.at(-1)?.atMs ?? 0;
    const atMs = previousMs + shortestGapMs + Math.round(random.exponential(meanGapMs - shortestGapMs));
    if (atMs >= options.durationMs) {
      return faults;
    }
    faults.push({ atMs, ...drawBody(random.pick(kinds), options.members, random) });
  }
}

function drawBody(kind: FaultKind, members: number, random: RandomStream): FaultBody {
  const target = random.chance(0.5) ? 'leader' : random.integer(members);
  const forMs = random.between(300, 4_000);
  const cut = random.pick(['late', 'lost', 'refused'] as const);
  const silentCut = random.pick(['late', 'lost'] as const);
  const downMs = random.pick([0, 200, 1_000, 3_000]);
  switch (kind) {
    case 'kill':
    case 'restart':
      return { kind, target, downMs };
    case 'kill-all':
      return { kind, downMs };
    case 'rolling-restart':
      return { kind };
    case 'pause':
      return { kind, target, forMs };
    case 'partition': {
      const size = random.between(1, Math.max(1, Math.floor(members / 2)));
      const group = random.shuffled(positions(members)).slice(0, size);
      return { kind, group: group.toSorted((one, other) => one - other), cut, forMs };
    }
    case 'isolate-leader':
      return { kind, cut, forMs };
    case 'one-way':
      return { kind, target, direction: random.pick(['in', 'out'] as const), cut: silentCut, forMs };
    case 'broken-link': {
      const [one = 0, other = 0] = random.shuffled(positions(members));
      return { kind, pair: [one, other], cut, forMs };
    }
    case 'delay':
      return { kind, target, delayMs: random.pick([20, 100, 400]), forMs };
    case 'slow':
      return { kind, target, bytesPerSecond: random.pick([2_000, 20_000, 100_000]), forMs };
    case 'reset':
      return { kind, target };
    case 'lost-answers':
      return { kind, target, cut: silentCut, forMs };
  }
}

function positions(count: number): number[] {
  return Array.from({ length: count }, (_, position) => position);
}

/** A fault in one line. Members are called as the cluster calls them, m1 and so on. */
export function faultText(fault: Fault): string {
  const { kind, atMs, ...rest } = fault;
  const details = Object.entries(rest).map(([name, value]) => `${name} ${detailText(name, value)}`);
  return `${(atMs / 1000).toFixed(1)} s: ${[kind, ...details].join(', ')}`;
}

function detailText(name: string, value: unknown): string {
  if (Array.isArray(value)) {
    return value.map(memberName).join('+');
  }
  return name === 'target' && typeof value === 'number' ? memberName(value) : String(value);
}

export function memberName(position: number): string {
  return `m${position + 1}`;
}
