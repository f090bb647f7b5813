/**
 * Where the search starts. What is interesting may be twenty events away from the founding of a cluster, further
 * than a breadth-first search gets; so it may also start from a state that some events in a fixed order lead to.
 *
 * - `founded`: everyone has just started for the first time.
 * - `elected`: n1 leads term 2, all have all its entries and know that they are committed.
 * - `contested`: n1 led term 2, and has an entry of it that nobody else has; n2 led term 3 with the vote of n3, and
 *   has others; then n1 was elected again, in term 4. That is figure 8 of the paper, on the way from (b) to (c).
 *   What n1 and n2 have appended is still under way.
 *
 * On the way nobody crashes and nothing is read. The commands that were given are taken from the bounds, and so are
 * the two half election timeouts that pass where time matters.
 */
export const starts = ['founded', 'elected', 'contested'] as const;

export type Start = (typeof starts)[number];

/**
 * What makes the search finite. Within the bounds every order of every event is tried; beyond them nothing is.
 * Messages may always be late, overtake each other, or never arrive, and a member may campaign whenever the
 * protocol lets it: these have no bound but the highest term.
 */
export type Bounds = {
  readonly start: Start;
  readonly members: number;
  /** Nobody campaigns for a higher term. The founding configuration is an entry of term 1. */
  readonly termMax: number;
  /** Commands of clients. */
  readonly commands: number;
  /** Members lose their memory and what is on its way to their disk, and start again. */
  readonly crashes: number;
  /** Rounds of heartbeats by the clock, beside those that a new leader and reads cause. */
  readonly heartbeats: number;
  /** Linearizable reads, asked of any member. */
  readonly reads: number;
  /** Orders to hand over leadership. */
  readonly transfers: number;
  /**
   * Half election timeouts that pass, on all clocks alike. Above 0 reads are answered by leases, which are the only
   * thing that depends on how much time has passed.
   */
  readonly time: number;
  /**
   * Changes of membership that a leader is asked for, to any other set of voters: by one vote at once, by more
   * through a joint configuration (Raft, section 6). Everyone who is no voter is gone, and may come back.
   */
  readonly changes: number;
  /** Times that a leader is told that a peer is unreachable. */
  readonly losses: number;
  /** How often a message that was delivered is delivered again: so often in all, or without limit. */
  readonly duplicates: number | 'unlimited';
  /** Writes reach the disk as events of their own; else with the step that makes them. */
  readonly slowDisk: boolean;
  /** Commands are also given to followers, who forward them. */
  readonly forwarding: boolean;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly replication: 'vanilla' | 'pipelined';
};

const defaults: Bounds = {
  start: 'founded',
  members: 3,
  termMax: 2,
  commands: 0,
  crashes: 0,
  heartbeats: 0,
  reads: 0,
  transfers: 0,
  time: 0,
  changes: 0,
  losses: 0,
  duplicates: 'unlimited',
  slowDisk: true,
  forwarding: false,
  preVote: true,
  checkQuorum: true,
  replication: 'pipelined',
};

/** Bounds that each look at one side of the protocol. */
export const boundsPresets = {
  /** Small enough to be exhausted in seconds. */
  quick: bounds({ termMax: 2, commands: 1, slowDisk: false, preVote: false, checkQuorum: false }),
  /** Elections in all their ways, on slow disks that forget. */
  elections: bounds({ termMax: 3, crashes: 1 }),
  /** Replication by successive leaders, from the start: conflicts and overwritten entries. */
  replication: bounds({ termMax: 4, commands: 2, slowDisk: false, preVote: false, checkQuorum: false }),
  /** Commits of earlier terms' entries (figure 8), one entry at a time. */
  contested: bounds({
    start: 'contested',
    termMax: 5,
    commands: 2,
    slowDisk: false,
    preVote: false,
    checkQuorum: false,
    replication: 'vanilla',
  }),
  /** What is acknowledged when, on slow disks that forget. */
  durability: bounds({
    start: 'elected',
    termMax: 3,
    commands: 2,
    crashes: 1,
    preVote: false,
    checkQuorum: false,
  }),
  /** Read index while leaders change. */
  reads: bounds({
    start: 'elected',
    termMax: 3,
    commands: 1,
    reads: 1,
    slowDisk: false,
    preVote: false,
    checkQuorum: false,
  }),
  /** Reads by lease while leadership is handed over, members restart and time passes. */
  lease: bounds({
    start: 'elected',
    termMax: 3,
    crashes: 1,
    heartbeats: 1,
    reads: 1,
    transfers: 1,
    time: 5,
    slowDisk: false,
    preVote: false,
  }),
  /** Changes of membership, one vote at a time and through joint configurations, while leaders change. */
  membership: bounds({
    start: 'elected',
    termMax: 4,
    changes: 2,
    slowDisk: false,
    preVote: false,
    checkQuorum: false,
  }),
  /** Leadership transfer, forwarded commands, heartbeats and lost connections. */
  everything: bounds({
    start: 'elected',
    termMax: 3,
    commands: 2,
    crashes: 1,
    heartbeats: 1,
    reads: 1,
    transfers: 1,
    losses: 1,
    forwarding: true,
  }),
} satisfies Record<string, Bounds>;

export type BoundsPresetName = keyof typeof boundsPresets;

/**
 * Reads bounds as a person writes them: the name of a preset, `name=value` pairs that change the default, or
 * both (`replication,termMax=3`). Throws a RangeError that says what is wrong.
 */
export function parseBounds(text: string): Bounds {
  let result: Bounds = boundsPresets.quick;
  for (const part of text.split(',').filter((item) => item !== '')) {
    const [name = '', value] = part.split('=');
    if (value === undefined) {
      if (!isPresetName(name)) {
        throw new RangeError(
          `no bounds are called "${name}": there are ${Object.keys(boundsPresets).join(', ')}`,
        );
      }
      result = boundsPresets[name];
    } else {
      result = { ...result, ...parseBound(name, value) };
    }
  }
  return checkBounds(result);
}

/** Bounds in the notation that `parseBounds` reads. */
export function formatBounds(bounds: Bounds): string {
  return Object.entries(bounds)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

function bounds(changes: Partial<Bounds>): Bounds {
  return { ...defaults, ...changes };
}

function isPresetName(name: string): name is BoundsPresetName {
  return Object.hasOwn(boundsPresets, name);
}

function parseBound(name: string, value: string): Partial<Bounds> {
  switch (name) {
    case 'slowDisk':
    case 'forwarding':
    case 'preVote':
    case 'checkQuorum':
      if (value !== 'true' && value !== 'false')
        throw new RangeError(`${name} is true or false, not "${value}"`);
      return { [name]: value === 'true' };
    case 'replication':
      if (value !== 'vanilla' && value !== 'pipelined') {
        throw new RangeError(`replication is vanilla or pipelined, not "${value}"`);
      }
      return { replication: value };
    case 'start': {
      const start = starts.find((known) => known === value);
      if (start === undefined) throw new RangeError(`a search starts ${starts.join(', ')}, not "${value}"`);
      return { start };
    }
    case 'duplicates':
      return { duplicates: value === 'unlimited' ? value : parseCount(name, value) };
    case 'members':
    case 'termMax':
    case 'commands':
    case 'crashes':
    case 'heartbeats':
    case 'reads':
    case 'transfers':
    case 'time':
    case 'changes':
    case 'losses':
      return { [name]: parseCount(name, value) };
    default:
      throw new RangeError(`there is no bound "${name}": there are ${Object.keys(defaults).join(', ')}`);
  }
}

function parseCount(name: string, value: string): number {
  if (!/^\d{1,2}$/.test(value)) throw new RangeError(`${name} is a number from 0 to 99, not "${value}"`);
  return Number(value);
}

/** The packed form of a state has room for these. */
function checkBounds(checked: Bounds): Bounds {
  const limits = {
    members: 5,
    termMax: 30,
    commands: 7,
    crashes: 7,
    heartbeats: 7,
    reads: 7,
    transfers: 7,
    time: 7,
    changes: 7,
    losses: 7,
  };
  for (const [name, max] of Object.entries(limits)) {
    if (checked[name as keyof typeof limits] > max) throw new RangeError(`${name} is at most ${max}`);
  }
  if (checked.time > 0 && !checked.checkQuorum) throw new RangeError('leases need checkQuorum');
  if (checked.time > 0 && checked.start === 'contested') throw new RangeError('contested knows no time');
  if (checked.start === 'elected' && checked.time === 1) throw new RangeError('elected needs a time of 2');
  if (checked.members < 1) throw new RangeError('members is at least 1');
  if (checked.start !== 'founded' && checked.members !== 3)
    throw new RangeError(`${checked.start} is for three members`);
  if (checked.start === 'contested' && checked.termMax < 4)
    throw new RangeError('contested needs a termMax of 4');
  if (checked.termMax < 2)
    throw new RangeError('termMax is at least 2: the log starts with an entry of term 1');
  if (checked.duplicates !== 'unlimited' && checked.duplicates > 7) {
    throw new RangeError('duplicates is at most 7, or unlimited');
  }
  return checked;
}
