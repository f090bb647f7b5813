import { formatMemberId, type MemberId, type RaftEvent } from '@quorate/raft';
import type { Logger } from './ports.ts';

/** Tells the core's events to people: elections and leaders at `info`, the mechanics at `debug`. */
export function logEvent(logger: Logger, event: RaftEvent, nameOf: (id: MemberId) => string): void {
  switch (event.type) {
    case 'leader-changed':
      if (event.leader === null) {
        logger.info({ term: event.term }, 'no leader');
      } else {
        logger.info(
          { term: event.term, leader: formatMemberId(event.leader) },
          `${nameOf(event.leader)} leads in term ${event.term}`,
        );
      }
      return;
    case 'role-changed':
      logger.info(
        { term: event.term, role: event.role, reason: event.reason },
        `now ${event.role}: ${event.reason}`,
      );
      return;
    case 'voted':
      logger.debug({ term: event.term, candidate: formatMemberId(event.candidate) }, 'voted');
      return;
    case 'suffix-overwritten':
      logger.warn(
        { from: event.from, through: event.through },
        'uncommitted entries were overwritten by the leader',
      );
      return;
    case 'committed':
      logger.trace({ index: event.index, term: event.term }, 'committed');
      return;
    case 'configuration-changed':
      logger.info({ index: event.index, joint: event.joint }, 'configuration changed');
      return;
    case 'peer-state-changed':
      logger.debug({ peer: formatMemberId(event.peer), state: event.state }, 'replication state changed');
      return;
    case 'transfer-started':
      logger.info({ to: formatMemberId(event.to) }, `handing leadership to ${nameOf(event.to)}`);
      return;
    case 'transfer-aborted':
      logger.warn(
        { to: formatMemberId(event.to) },
        `${nameOf(event.to)} did not take over leadership in time`,
      );
      return;
  }
}
