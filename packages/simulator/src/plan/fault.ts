/** Who a fault is for: a host by its number from 0, or whoever leads when it strikes. */
export type Target = number | 'leader';

/** The instant within a member's disk work at which a crash is to strike. */
export type CrashPoint = 'now' | 'write' | 'sync' | 'sync-directory' | 'create' | 'rename';

/** Something that happens to the cluster at one time of a run. Times are simulated milliseconds from its start. */
export type Fault = { readonly atMs: number } & FaultBody;

type FaultBody =
  /** The process dies at `point` (or after two seconds, if it does not come there), and starts again. */
  | {
      readonly kind: 'crash';
      readonly target: Target;
      readonly point: CrashPoint;
      readonly downMs: number;
    }
  /** As a crash, but the host loses power: what was not synced is lost, and the peers are not told. */
  | {
      readonly kind: 'power-loss';
      readonly target: Target;
      readonly point: CrashPoint;
      readonly downMs: number;
    }
  /** All members at once. */
  | { readonly kind: 'crash-all'; readonly power: boolean; readonly downMs: number }
  /** A clean stop of one member after the other, each starting again before the next stops. */
  | { readonly kind: 'rolling-restart'; readonly downMs: number; readonly gapMs: number }
  /** SIGSTOP and SIGCONT. */
  | { readonly kind: 'pause'; readonly target: Target; readonly forMs: number }
  /** Two groups of hosts that do not hear each other. */
  | { readonly kind: 'partition'; readonly group: readonly number[]; readonly forMs: number }
  /** Nothing arrives that these hosts send (`out`) or that is sent to them (`in`). */
  | {
      readonly kind: 'one-way';
      readonly target: Target;
      readonly direction: 'in' | 'out';
      readonly forMs: number;
    }
  /** Two hosts do not hear each other, all others do. */
  | { readonly kind: 'broken-link'; readonly hosts: readonly [number, number]; readonly forMs: number }
  /** What a host sends to all others (`out`), to one of them (`out-to-one`), or is sent (`in`) takes longer. */
  | {
      readonly kind: 'slow-link';
      readonly target: Target;
      readonly direction: 'in' | 'out' | 'out-to-one';
      readonly delayMs: number;
      readonly forMs: number;
    }
  /** All connections of a host break. */
  | { readonly kind: 'reset'; readonly target: Target }
  | { readonly kind: 'disk-stall'; readonly target: Target; readonly forMs: number }
  | { readonly kind: 'disk-full'; readonly target: Target; readonly forMs: number }
  | { readonly kind: 'sync-failure'; readonly target: Target }
  | { readonly kind: 'write-failure'; readonly target: Target }
  | { readonly kind: 'misdirected-read'; readonly target: Target }
  /**
   * A bit of acknowledged data changes on the disk. Must be noticed. In the log the member is then lost for good; in a
   * snapshot (only if `inSnapshot`, and only there) it must repair itself.
   */
  | { readonly kind: 'bit-flip'; readonly target: number; readonly inSnapshot?: true }
  /** A commit of the state machine's engine fails. */
  | { readonly kind: 'engine-failure'; readonly target: Target }
  /** The monotonic clock leaps forward. */
  | { readonly kind: 'clock-leap'; readonly target: Target; readonly byMs: number }
  | { readonly kind: 'wall-clock-jump'; readonly target: Target; readonly byMs: number }
  /**
   * No fault, but as disturbing: leadership is handed to another member. The invitation to campaign is on its way
   * for `lateMs`; when it arrives, the old leader hears nothing for `deafMs`.
   */
  | { readonly kind: 'transfer'; readonly to: number; readonly lateMs: number; readonly deafMs: number }
  /** Leadership is handed from member to member, `rounds` times. */
  | { readonly kind: 'ping-pong'; readonly rounds: number; readonly gapMs: number }
  /**
   * Whoever is elected within `forMs` is struck down after about `afterMs`, for `lastsMs`: terms change hands
   * while each has replicated only a part of what it began (Raft, figure 8).
   */
  | {
      readonly kind: 'coup';
      readonly forMs: number;
      readonly strike: Strike;
      readonly afterMs: number;
      readonly lastsMs: number;
    }
  /** What the leader hears comes late, by `delayMs`; then nobody hears it any more, while it still gets old answers. */
  | { readonly kind: 'fade'; readonly delayMs: number; readonly muteAfterMs: number; readonly muteMs: number }
  /**
   * One member does not hear the leader and wants to be elected. Its possible voters do hear the leader, but get
   * nothing written, so that it stays up to date. After `afterMs` they restart and forget that they hear the
   * leader, which is cut off for `forMs`.
   */
  | { readonly kind: 'usurp'; readonly afterMs: number; readonly downMs: number; readonly forMs: number }
  /** No fault, but an operator who changes who belongs to the cluster. */
  | { readonly kind: 'membership'; readonly change: (typeof MEMBERSHIP_CHANGES)[number] };

/**
 * - `add`, `add-learner`: a new member on a host of its own.
 * - `promote`, `remove`, `remove-two`: of those who are there.
 * - `swap`: a learner becomes a voter and a voter goes, at once: through a joint configuration, as `remove-two`.
 * - `lose`: a disk is lost for good; its member is removed, and a new one added.
 */
export type MembershipFault = Extract<Fault, { kind: 'membership' }>;

export const MEMBERSHIP_CHANGES = [
  'add',
  'add',
  'add-learner',
  'promote',
  'remove',
  'remove-two',
  'swap',
  'lose',
] as const;

/** What happens to a new leader: `isolate` cuts it off, `mute` lets it hear but not speak, `deafen` the other way round. */
export type Strike = 'crash' | 'power-loss' | 'pause' | 'isolate' | 'mute' | 'deafen';

/** Faults that are scheduled one by one. */
export const SCHEDULED_FAULT_KINDS = [
  'crash',
  'power-loss',
  'crash-all',
  'rolling-restart',
  'pause',
  'partition',
  'one-way',
  'broken-link',
  'slow-link',
  'reset',
  'disk-stall',
  'disk-full',
  'sync-failure',
  'write-failure',
  'misdirected-read',
  'bit-flip',
  'engine-failure',
  'clock-leap',
  'wall-clock-jump',
  'transfer',
  'ping-pong',
  'coup',
  'fade',
  'usurp',
  'membership',
] as const satisfies readonly Fault['kind'][];

/** Faults that are on during the whole run. `clock-drift`: the hosts' clocks run at different rates. */
export const CONSTANT_FAULT_KINDS = [
  'loss',
  'duplication',
  'reordering',
  'retransmission',
  'flaky-connections',
  'clock-drift',
] as const;

export const FAULT_KINDS = [...SCHEDULED_FAULT_KINDS, ...CONSTANT_FAULT_KINDS] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];
export type ScheduledFaultKind = (typeof SCHEDULED_FAULT_KINDS)[number];

/** A fault in one line, for the story of a run. */
export function faultText(fault: Fault): string {
  const { kind, atMs: _atMs, ...rest } = fault;
  const details = Object.entries(rest).map(([name, value]) => `${name} ${detailText(name, value)}`);
  return [kind, ...details].join(', ');
}

function detailText(name: string, value: unknown): string {
  if (Array.isArray(value)) {
    return value.map((host) => `n${Number(host) + 1}`).join('+');
  }
  const isHost = typeof value === 'number' && (name === 'target' || name === 'to' || name === 'from');
  return isHost ? `n${value + 1}` : String(value);
}
