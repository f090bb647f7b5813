import { AlarmType } from '@quorate/protocol';

const names: Readonly<Record<AlarmType, string>> = {
  [AlarmType.NONE]: 'NONE',
  [AlarmType.NOSPACE]: 'NOSPACE',
  [AlarmType.CORRUPT]: 'CORRUPT',
};

/** An alarm's type as etcd writes it. */
export function alarmName(type: AlarmType): string {
  return names[type];
}
