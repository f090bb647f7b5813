import { AlarmType, type AlarmMember } from '@quorate/protocol';

/** A fault that stands until it is cleared. Member 0n is the whole cluster. */
export type Alarm = {
  readonly memberId: bigint;
  /**
   * `NOSPACE`: the member's space quota is used up, and writes are refused. `CORRUPT`: the member's data differs
   * from that of the others, and it serves nothing.
   */
  readonly type: AlarmName;
};

export type AlarmName = 'NOSPACE' | 'CORRUPT' | 'UNKNOWN';

const names: Readonly<Record<AlarmType, AlarmName>> = {
  [AlarmType.NONE]: 'UNKNOWN',
  [AlarmType.NOSPACE]: 'NOSPACE',
  [AlarmType.CORRUPT]: 'CORRUPT',
};

const types: Readonly<Record<AlarmName, AlarmType>> = {
  NOSPACE: AlarmType.NOSPACE,
  CORRUPT: AlarmType.CORRUPT,
  UNKNOWN: AlarmType.NONE,
};

export function toAlarm({ memberID, alarm }: AlarmMember): Alarm {
  return { memberId: memberID, type: names[alarm] ?? 'UNKNOWN' };
}

export function fromAlarm({ memberId, type }: Alarm): AlarmMember {
  return { memberID: memberId, alarm: types[type] };
}
