import {
  type AlarmRequest,
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmType,
  type Command,
  type RequestOp,
  type TxnRequest,
} from '@quorate/protocol';
import { formatId } from './units.ts';
import { printable } from './printable.ts';

/** A command of the replicated log in a few words; null stands for data that is none. */
export function describeCommand(command: Command | null): string {
  const body = command?.body;
  switch (body?.$case) {
    case 'put':
      return `put ${abbreviated(body.put.key)} (${body.put.value.length} bytes)`;
    case 'deleteRange':
      return `delete ${describeRange(body.deleteRange.key, body.deleteRange.rangeEnd)}`;
    case 'txn':
      return describeTransaction(body.txn);
    case 'compaction':
      return `compact through revision ${body.compaction.revision}`;
    case 'publishMember': {
      const { memberId, name, clientUrls } = body.publishMember;
      return `member ${formatId(memberId)} is ${name} at ${clientUrls.join(', ')}`;
    }
    case 'leaseGrant':
      return `grant lease ${formatId(body.leaseGrant.ID)} for ${body.leaseGrant.TTL} s`;
    case 'leaseRevoke': {
      const { id, expiredInTerm } = body.leaseRevoke;
      return `${expiredInTerm === 0 ? 'revoke' : 'expire'} lease ${formatId(id)}`;
    }
    case 'leaseCheckpoint':
      return `checkpoint of ${body.leaseCheckpoint.leases.length} leases`;
    case 'putWithTtl': {
      const { put, ttl } = body.putWithTtl;
      return `put ${abbreviated(put?.key ?? new Uint8Array(0))} for ${ttl} s, under a new lease ${formatId(put?.lease ?? 0n)}`;
    }
    case 'alarm':
      return describeAlarm(body.alarm);
    case undefined:
      return 'not a command that this version knows';
  }
}

function describeAlarm({ action, alarm, memberID }: AlarmRequest): string {
  const verb = {
    [AlarmAction.ACTIVATE]: 'raise',
    [AlarmAction.DEACTIVATE]: 'clear',
    [AlarmAction.GET]: 'get',
  };
  const name = { [AlarmType.NONE]: 'any', [AlarmType.NOSPACE]: 'NOSPACE', [AlarmType.CORRUPT]: 'CORRUPT' };
  return `${verb[action]} alarm ${name[alarm]} of member ${formatId(memberID)}`;
}

function describeTransaction({ compare, success, failure }: TxnRequest): string {
  const conditions = compare.length === 0 ? '' : `if ${compare.length} hold: `;
  const otherwise = failure.length === 0 ? '' : `; else ${describeOperations(failure)}`;
  return `transaction: ${conditions}${describeOperations(success)}${otherwise}`;
}

const operationsShown = 4;
const keyColumnsMax = 60;

function describeOperations(operations: readonly RequestOp[]): string {
  const shown = operations.slice(0, operationsShown).map(describeOperation);
  const more = operations.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ') || 'nothing';
}

function describeOperation({ request }: RequestOp): string {
  switch (request?.$case) {
    case 'requestPut':
      return `put ${abbreviated(request.requestPut.key)}`;
    case 'requestDeleteRange':
      return `delete ${describeRange(request.requestDeleteRange.key, request.requestDeleteRange.rangeEnd)}`;
    case 'requestRange':
      return `get ${describeRange(request.requestRange.key, request.requestRange.rangeEnd)}`;
    case 'requestTxn':
      return `(${describeTransaction(request.requestTxn)})`;
    case undefined:
      return 'nothing';
  }
}

function describeRange(key: Uint8Array, rangeEnd: Uint8Array): string {
  if (rangeEnd.length === 0) return abbreviated(key);
  const end = rangeEnd.length === 1 && rangeEnd[0] === 0 ? 'the end' : abbreviated(rangeEnd);
  return `${abbreviated(key)} up to ${end}`;
}

/** A key, cut short if it is long. */
function abbreviated(key: Uint8Array): string {
  const text = printable(key);
  return text.length <= keyColumnsMax ? text : `${text.slice(0, keyColumnsMax)}... (${key.length} bytes)`;
}
