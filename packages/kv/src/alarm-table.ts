import {
  type AlarmMember,
  type AlarmRequest,
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmResponse,
  AlarmType,
} from '@quorate/protocol';
import type { Fact } from './engine/engine.ts';
import { EngineError } from './engine/engine-error.ts';
import { StoreError } from './store-error.ts';

const factName = 'alarms';
const alarmTypes: ReadonlySet<number> = new Set(Object.values(AlarmType));
const alarmActions: ReadonlySet<number> = new Set(Object.values(AlarmAction));
/** More than there are members, with those that were removed; bounds what requests by hand may pile up. */
const alarmsMax = 1024;

/** Throws `invalid-alarm` for an action or a type that is none. */
export function validateAlarm({ action, alarm }: AlarmRequest): void {
  if (!alarmActions.has(action) || !alarmTypes.has(alarm)) throw new StoreError('invalid-alarm');
}

/**
 * The alarms that stand, each of a type and a member, as one fact of the engine. They are raised and cleared by
 * commands only, so that all members have the same.
 *
 * Member 0 stands for the whole cluster where an alarm is raised, and for every member where it is cleared.
 */
export class AlarmTable {
  private alarms: readonly AlarmMember[] = [];
  private isChanged = false;

  /** In the order of type and member. */
  get all(): readonly AlarmMember[] {
    return this.alarms;
  }

  isRaised(type: AlarmType): boolean {
    return this.alarms.some(({ alarm }) => alarm === type);
  }

  /** Takes what an engine holds. Other facts are ignored. Throws an EngineError `damaged`. */
  restore(facts: readonly Fact[]): void {
    const content = facts.find((fact) => fact.name === factName)?.content;
    this.isChanged = false;
    this.alarms = [];
    if (content === undefined) return;
    try {
      this.alarms = AlarmResponse.decode(content).alarms;
    } catch (cause) {
      throw new EngineError('damaged', 'the alarms of the store are not what was written', { cause });
    }
  }

  /** Executes a valid request. Returns the alarms that it asked about, raised or cleared. */
  execute({ action, memberID, alarm }: AlarmRequest): readonly AlarmMember[] {
    switch (action) {
      case AlarmAction.ACTIVATE:
        return this.raise(memberID, alarm);
      case AlarmAction.DEACTIVATE:
        return this.clear(memberID, alarm);
      case AlarmAction.GET:
        return this.alarms.filter((standing) => alarm === AlarmType.NONE || standing.alarm === alarm);
    }
  }

  /** Hands over the fact if the engine does not have it, for it to commit at once. */
  takeFacts(): readonly Fact[] {
    if (!this.isChanged) return [];
    this.isChanged = false;
    const content = AlarmResponse.encode({ header: undefined, alarms: [...this.alarms] }).finish();
    return [{ name: factName, content }];
  }

  private raise(memberID: bigint, alarm: AlarmType): readonly AlarmMember[] {
    if (alarm === AlarmType.NONE) return [];
    const raised = { memberID, alarm };
    if (!this.alarms.some((standing) => isSame(standing, raised))) {
      if (this.alarms.length >= alarmsMax) throw new StoreError('invalid-alarm');
      this.replace([...this.alarms, raised].toSorted(byTypeAndMember));
    }
    return [raised];
  }

  private clear(memberID: bigint, alarm: AlarmType): readonly AlarmMember[] {
    const isMeant = (standing: AlarmMember): boolean =>
      standing.alarm === alarm && (memberID === 0n || standing.memberID === memberID);
    const cleared = this.alarms.filter(isMeant);
    if (cleared.length > 0) this.replace(this.alarms.filter((standing) => !isMeant(standing)));
    return cleared;
  }

  private replace(alarms: readonly AlarmMember[]): void {
    this.alarms = alarms;
    this.isChanged = true;
  }
}

function isSame(left: AlarmMember, right: AlarmMember): boolean {
  return left.alarm === right.alarm && left.memberID === right.memberID;
}

function byTypeAndMember(left: AlarmMember, right: AlarmMember): number {
  if (left.alarm !== right.alarm) return left.alarm - right.alarm;
  return left.memberID < right.memberID ? -1 : 1;
}
