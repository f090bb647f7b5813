import { AlarmType, RangeRequest } from '@quorate/protocol';
import type { Clock } from '@quorate/replica';
import { alarmName } from '../api/alarm-name.ts';
import type { Member } from '../api/member.ts';
import { type Answer, json, plainText } from './answer.ts';

export type HealthOptions = {
  readonly member: Member;
  readonly clock: Clock;
  /** How long a check may wait for a leader, in milliseconds. */
  readonly timeoutMaxMs: number;
};

/** Rejects with what is wrong. */
type Check = (options: HealthOptions) => Promise<void>;

/** etcd's probes with the checks of each, in their order: whether this process works, and whether it can serve. */
const probes: Readonly<Record<string, readonly (readonly [string, Check])[]>> = {
  '/livez': [['serializable_read', serializableRead]],
  '/readyz': [
    ['data_corruption', noCorruption],
    ['serializable_read', serializableRead],
    ['linearizable_read', linearizableRead],
    ['non_learner', noLearner],
  ],
};

/** `/health`: with `serializable=true` of this member alone; `exclude=NOSPACE` leaves an alarm out. */
export async function answerHealth(query: URLSearchParams, options: HealthOptions): Promise<Answer> {
  const { member } = options;
  const excluded = query.getAll('exclude');
  const standing = member.store.alarms().map(({ alarm }) => alarmName(alarm));
  const alarm = standing.find((name) => !excluded.includes(name));
  if (alarm !== undefined) return unhealthy(`ALARM ${alarm}`);
  const serializable = query.get('serializable') === 'true';
  if (!serializable && member.status().leader === null) return unhealthy('RAFT NO LEADER');
  try {
    await (serializable ? serializableRead(options) : linearizableRead(options));
    return json(200, { health: 'true', reason: '' });
  } catch (error) {
    return unhealthy(`RANGE ERROR:${messageOf(error)}`);
  }
}

/** Whether there is such a probe, or a check of one: `/readyz/linearizable_read`. */
export function isProbe(path: string): boolean {
  return checksOf(path).length > 0;
}

/**
 * Runs the checks of a probe in order. A failure is told with what worked beside it, success only if asked for
 * (`verbose`). `exclude` leaves out the check of that name.
 */
export async function answerProbe(
  path: string,
  query: URLSearchParams,
  options: HealthOptions,
): Promise<Answer> {
  const excluded = query.getAll('exclude');
  let report = '';
  let failed = false;
  for (const [name, check] of checksOf(path)) {
    if (excluded.includes(name)) continue;
    try {
      await check(options);
      report += `[+]${name} ok\n`;
    } catch (error) {
      failed = true;
      report += `[-]${name} failed: ${messageOf(error)}\n`;
    }
  }
  if (failed) return plainText(503, report);
  return plainText(200, query.has('verbose') ? `${report}ok\n` : 'ok\n');
}

function checksOf(path: string): readonly (readonly [string, Check])[] {
  return Object.entries(probes).flatMap(([probe, checks]) => {
    return checks.filter(([name]) => path === probe || path === `${probe}/${name}`);
  });
}

async function serializableRead({ member }: HealthOptions): Promise<void> {
  // One key is enough, and it need not exist.
  member.store.range(RangeRequest.create({ key: new Uint8Array([0]), keysOnly: true, limit: 1 }));
  return Promise.resolve();
}

async function linearizableRead(options: HealthOptions): Promise<void> {
  const { member, clock, timeoutMaxMs } = options;
  await member.linearize({ deadlineMs: clock.monotonicMs() + timeoutMaxMs });
  await serializableRead(options);
}

async function noCorruption({ member }: HealthOptions): Promise<void> {
  const isRaised = member.store.alarms().some(({ alarm }) => alarm === AlarmType.CORRUPT);
  return isRaised ? Promise.reject(new Error('alarm activated: CORRUPT')) : Promise.resolve();
}

async function noLearner({ member }: HealthOptions): Promise<void> {
  const { configuration, memberId } = member.status();
  const isLearner = configuration.learners.includes(memberId);
  return isLearner ? Promise.reject(new Error('not supported for learner')) : Promise.resolve();
}

function unhealthy(reason: string): Answer {
  return json(503, { health: 'false', reason });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
