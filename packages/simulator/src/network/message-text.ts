import { type Entry, formatMemberId, type Message } from '@quorate/raft';
import type { PeerAnswer } from '@quorate/replica';
import type { Parcel } from './wire.ts';

/** What travels, in one line, for traces. */
export function parcelText(parcel: Parcel): string {
  if (parcel.type === 'call') {
    return `call ${parcel.id} ${parcel.request.type}`;
  }
  return parcel.type === 'answer' ? `answer ${parcel.id} ${answerText(parcel.answer)}` : messageText(parcel);
}

function answerText(answer: PeerAnswer): string {
  return answer.ok ? answer.response.type : `refused: ${answer.refusal.code}`;
}

function messageText(message: Message): string {
  return `${message.type} term ${message.term}${bodyText(message)}`;
}

function bodyText(message: Message): string {
  switch (message.type) {
    case 'pre-vote-request':
    case 'vote-request':
      return ` last ${message.lastIndex}@${message.lastTerm}`;
    case 'pre-vote-response':
    case 'vote-response':
      return message.granted ? ' granted' : ' denied';
    case 'append-request':
      return ` previous ${message.previousIndex}@${message.previousTerm} ${entriesText(message.entries)} commit ${message.commit}`;
    case 'append-response':
      return message.result.kind === 'matched'
        ? ` matched ${message.result.matchIndex}`
        : ` rejected ${message.result.previousIndex} hint ${message.result.hintIndex}@${message.result.hintTerm}`;
    case 'heartbeat-request':
      return ` round ${message.round} commit ${message.commit}`;
    case 'heartbeat-response':
      return ` round ${message.round}`;
    case 'snapshot-request':
      return ` snapshot ${message.snapshot.index}@${message.snapshot.term}`;
    case 'snapshot-response':
      return ` matched ${message.matchIndex}`;
    case 'timeout-now':
      return '';
    case 'forwarded-proposals':
      return ` ${message.proposals.length} proposals`;
    case 'proposals-refused':
      return ` ${message.ids.length} proposals: ${message.reason}`;
    case 'forwarded-read':
    case 'forwarded-read-response':
      return ` id ${message.id}`;
    case 'forwarded-read-refused':
      return ` id ${message.id}: ${message.reason}`;
  }
}

function entriesText(entries: readonly Entry[]): string {
  const first = entries[0];
  const last = entries.at(-1);
  return first === undefined || last === undefined
    ? 'no entries'
    : `entries ${first.index}@${first.term}..${last.index}@${last.term}`;
}

/** `n1`, `n2`, ...: members of a simulated cluster are numbered from 1. */
export function memberName(id: bigint): string {
  return `n${formatMemberId(id as Message['from'])}`;
}
