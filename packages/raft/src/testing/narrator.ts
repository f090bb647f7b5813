import { unreachable } from '../assert.ts';
import type { Entry } from '../entry.ts';
import type { MemberId } from '../identifiers.ts';
import type { Message } from '../message.ts';
import type { RaftEvent } from '../output.ts';
import type { RaftStatus } from '../status.ts';
import { describeConfiguration } from './builders.ts';

/** Turns what happens into lines that a reader of a story understands. Indexes are written `index/term`. */

export function nameOf(id: MemberId | null): string {
  return id === null ? 'nobody' : `n${id}`;
}

export function tellEvent(member: MemberId, event: RaftEvent): string {
  return `${nameOf(member)} ${eventText(event)}`;
}

export function tellMessage(message: Message): string {
  return `${nameOf(message.from)}->${nameOf(message.to)} ${message.type} term ${message.term}${messageText(message)}`;
}

export function tellEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'no-op':
      return `${entry.index}/${entry.term} no-op`;
    case 'command':
      return `${entry.index}/${entry.term} "${new TextDecoder().decode(entry.data)}"`;
    case 'configuration':
      return `${entry.index}/${entry.term} ${describeConfiguration(entry.configuration)}`;
  }
}

export function tellStatus(status: RaftStatus): string[] {
  const { id, role, term, leader, commit, applied, durableIndex, lastIndex } = status;
  const follows = role === 'follower' ? ` of ${nameOf(leader)}` : '';
  return [
    `${nameOf(id)} ${role}${follows}, term ${term}, last ${lastIndex}, durable ${durableIndex}, commit ${commit}, applied ${applied}`,
    ...status.peers.map(
      (peer) =>
        `   ${nameOf(peer.id)} ${peer.state}, match ${peer.match}, next ${peer.next}, in flight ${peer.inflightMessages}`,
    ),
  ];
}

function eventText(event: RaftEvent): string {
  switch (event.type) {
    case 'role-changed':
      return `becomes ${event.role} in term ${event.term}: ${event.reason}`;
    case 'leader-changed':
      return event.leader === null
        ? `knows no leader in term ${event.term}`
        : `knows ${nameOf(event.leader)} as leader of term ${event.term}`;
    case 'voted':
      return `votes for ${nameOf(event.candidate)} in term ${event.term}`;
    case 'suffix-overwritten':
      return `removes entries ${event.from} to ${event.through}`;
    case 'committed':
      return `commits up to ${event.index}`;
    case 'configuration-changed':
      return `puts the ${event.joint ? 'joint ' : ''}configuration of entry ${event.index} into force`;
    case 'peer-state-changed':
      return `starts to ${event.state} ${nameOf(event.peer)}`;
    case 'transfer-started':
      return `hands over to ${nameOf(event.to)}`;
    case 'transfer-aborted':
      return `gives up handing over to ${nameOf(event.to)}`;
    default:
      return unreachable(event);
  }
}

function messageText(message: Message): string {
  switch (message.type) {
    case 'pre-vote-request':
      return `, log ends ${message.lastIndex}/${message.lastTerm}`;
    case 'vote-request':
      return `, log ends ${message.lastIndex}/${message.lastTerm}${message.leadershipTransfer ? ', by invitation' : ''}`;
    case 'pre-vote-response':
    case 'vote-response':
      return message.granted ? ', granted' : ', refused';
    case 'append-request': {
      const entries = message.entries.map(tellEntry).join(', ');
      return `, after ${message.previousIndex}/${message.previousTerm}, commit ${message.commit}, [${entries}]`;
    }
    case 'append-response':
      return message.result.kind === 'matched'
        ? `, matched ${message.result.matchIndex}`
        : `, rejected ${message.result.previousIndex}, hint ${message.result.hintIndex}/${message.result.hintTerm}`;
    case 'heartbeat-request':
      return `, commit ${message.commit}, round ${message.round}`;
    case 'heartbeat-response':
      return `, round ${message.round}`;
    case 'snapshot-request':
      return `, of ${message.snapshot.index}/${message.snapshot.term}`;
    case 'snapshot-response':
      return `, matched ${message.matchIndex}`;
    case 'forwarded-proposals':
      return `, ${message.proposals.length} commands`;
    case 'proposals-refused':
      return `, ${message.ids.length} commands, ${message.reason}`;
    case 'forwarded-read-response':
      return `, index ${message.index}`;
    case 'forwarded-read-refused':
      return `, ${message.reason}`;
    case 'timeout-now':
    case 'forwarded-read':
      return '';
    default:
      return unreachable(message);
  }
}
