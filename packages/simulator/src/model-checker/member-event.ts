import type { LogIndex, MemberId, Message } from '@quorate/raft';

/**
 * What can happen to one member. Time has no numbers here: a clock that runs out is an event that may come at
 * any moment, which allows every behaviour of real clocks and more.
 */
export type MemberEvent =
  | { readonly type: 'deliver'; readonly message: Message }
  /** The oldest write is on disk, and the member learns of it. */
  | { readonly type: 'persist' }
  /** Memory is lost. Of the writes under way, the oldest `kept` made it to the disk; the state machine kept `applied`. */
  | { readonly type: 'crash'; readonly kept: number; readonly applied: LogIndex }
  /** The election timeout, or anything else that makes a member campaign. */
  | { readonly type: 'campaign' }
  /** A follower has not heard its leader for an election timeout, and helps others to replace it. */
  | { readonly type: 'lose-patience' }
  | { readonly type: 'heartbeat' }
  /** A leader looks whether it still hears a quorum. */
  | { readonly type: 'check-quorum' }
  | { readonly type: 'propose'; readonly command: number }
  /** A leader is asked to put these voters in the place of the present ones. */
  | { readonly type: 'configure'; readonly voters: readonly MemberId[] }
  | { readonly type: 'read'; readonly id: number }
  | { readonly type: 'transfer'; readonly to: MemberId }
  | { readonly type: 'transfer-timeout' }
  | { readonly type: 'unreachable'; readonly peer: MemberId };

/** How long ago a cluster was founded, in half election timeouts. */
export type Time = number;

/** An event in a few words, for trails. */
export function describeEvent(member: MemberId, event: MemberEvent): string {
  const name = `n${member}`;
  switch (event.type) {
    case 'deliver':
      return `${name} receives ${describeMessage(event.message)}`;
    case 'persist':
      return `${name}'s oldest write is on disk`;
    case 'crash':
      return `${name} crashes and restarts: ${event.kept} of its pending writes reached the disk, its state machine is at ${event.applied}`;
    case 'campaign':
      return `${name}'s election timeout runs out`;
    case 'lose-patience':
      return `${name} has not heard its leader for long`;
    case 'heartbeat':
      return `${name} sends heartbeats`;
    case 'check-quorum':
      return `${name} looks whether it still hears a quorum`;
    case 'propose':
      return `a client gives ${name} command ${event.command}`;
    case 'configure':
      return `${name} is asked for the voters ${event.voters.map((id) => `n${id}`).join(' ')}`;
    case 'read':
      return `a client asks ${name} for read ${event.id}`;
    case 'transfer':
      return `${name} is told to hand over to n${event.to}`;
    case 'transfer-timeout':
      return `${name} gives up the transfer`;
    case 'unreachable':
      return `${name} is told that n${event.peer} is unreachable`;
  }
}

export function describeMessage(message: Message): string {
  const { type, from, to, term, ...rest } = message;
  const details = Object.entries(rest)
    .map(([name, value]: [string, unknown]) => `${name} ${describeValue(value)}`)
    .join(', ');
  return `${type} n${from} -> n${to} of term ${term}${details === '' ? '' : ` (${details})`}`;
}

function describeValue(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) => {
    if (typeof inner === 'bigint') return `n${inner}`;
    return inner instanceof Uint8Array ? `command ${inner.join(' ')}` : inner;
  });
}
