import { EngineError } from '@quorate/kv';
import type { MemberId } from '@quorate/raft';
import { ReplicaError } from '@quorate/replica';
import { StorageError } from '@quorate/storage';
import type { Report } from '../cluster/run-observer.ts';
import type { ProcessEnd, SimulatedMember } from '../cluster/simulated-member.ts';
import type { InjectedFaults } from '../faults/fault-injector.ts';

/**
 * Judges a process that could not start or stopped itself: it may do so only with a typed error, and only if
 * the fault that the error names was injected. Damage that is noticed costs the member, nothing else.
 */
export function judgeProcessEnd(
  member: SimulatedMember,
  { stage, error }: ProcessEnd,
  injected: InjectedFaults,
  report: Report,
  isMember: (id: MemberId) => boolean,
): 'restart' | 'lost' {
  if (error instanceof StorageError) {
    if (injected.damaged && DAMAGE.has(error.code)) {
      return 'lost';
    }
    const isExpected =
      error.code === 'damaged'
        ? injected.misdirectedReads
        : injected.diskErrors && DISK_ERRORS.has(error.code);
    if (isExpected) {
      return 'restart';
    }
  }
  if (error instanceof ReplicaError && error.code === 'removed' && !isMember(member.identity.id)) {
    return 'lost';
  }
  if (error instanceof EngineError && injected.engineErrors) {
    return 'restart';
  }
  report({
    property: 'member-failure',
    explanation: `${member.identity.name} ended itself while ${stage}: ${error.stack ?? error.message}`,
  });
  return 'lost';
}

/** What a changed bit can look like, depending on where it is. */
const DAMAGE: ReadonlySet<string> = new Set(['damaged', 'newer-format', 'wrong-cluster', 'wrong-member']);
const DISK_ERRORS: ReadonlySet<string> = new Set(['disk-full', 'disk-failed']);
