import type { CommandResponse } from '@quorate/kv';
import type { KeyValue, RequestOp } from '@quorate/protocol';
import type { Answer, Call } from './call.ts';
import { toText } from './requests.ts';

/** Values that are only long are cut. */
function valueText(value: Uint8Array): string {
  return value.length > 24 ? `${toText(value.subarray(0, 20)).replace(/\.+$/, '')}...` : toText(value);
}

/** A call in one line, for traces. */
export function describeCall(call: Call): string {
  if (call.kind === 'range') {
    const { key, rangeEnd, revision, limit, serializable } = call.request;
    const options = [
      revision > 0 ? ` at revision ${revision}` : '',
      limit > 0 ? ` limit ${limit}` : '',
      serializable ? ' serializable' : '',
    ];
    return `range ${rangeText(key, rangeEnd)}${options.join('')}`;
  }
  const { body } = call;
  switch (body.$case) {
    case 'put':
      return `put ${toText(body.put.key)} = ${valueText(body.put.value)}`;
    case 'deleteRange':
      return `delete ${rangeText(body.deleteRange.key, body.deleteRange.rangeEnd)}`;
    case 'txn': {
      const compared = body.txn.compare.map(({ key, targetUnion }) => {
        const operand =
          targetUnion?.$case === 'value' ? valueText(targetUnion.value) : JSON.stringify(targetUnion);
        return `${toText(key)} is ${operand}`;
      });
      return `if ${compared.join(' and ') || 'anything'} then ${operationsText(body.txn.success)} else ${operationsText(body.txn.failure)}`;
    }
    case 'compaction':
      return `compact ${body.compaction.revision}`;
    case 'publishMember':
      return `publish ${body.publishMember.name}`;
    case 'leaseGrant':
      return `grant ${body.leaseGrant.ID} for ${body.leaseGrant.TTL} s`;
    case 'leaseRevoke':
      return `revoke ${body.leaseRevoke.id}`;
    case 'leaseCheckpoint':
      return `checkpoint of ${body.leaseCheckpoint.leases.length} leases`;
    case 'putWithTtl':
      return `put ${toText(body.putWithTtl.put?.key ?? new Uint8Array(0))} for ${body.putWithTtl.ttl} s`;
    case 'alarm':
      return `alarm ${body.alarm.alarm} of member ${body.alarm.memberID.toString(16)}`;
  }
}

export function describeAnswer(answer: Answer): string {
  switch (answer.kind) {
    case 'refused':
      return `"${answer.code}"`;
    case 'range':
      return `${keysText(answer.response.kvs)}, revision ${answer.response.header?.revision}`;
    case 'command':
      return responseText(answer.response);
  }
}

function responseText(response: CommandResponse): string {
  switch (response.$case) {
    case 'put':
      return `done, revision ${response.put.header?.revision}`;
    case 'deleteRange':
      return `${response.deleteRange.deleted} deleted, revision ${response.deleteRange.header?.revision}`;
    case 'txn':
      return `${response.txn.succeeded ? 'then' : 'else'}, revision ${response.txn.header?.revision}`;
    case 'compaction':
      return `compacted, revision ${response.compaction.header?.revision}`;
    case 'publishMember':
      return 'published';
    case 'leaseGrant':
      return `granted ${response.leaseGrant.ID} for ${response.leaseGrant.TTL} s`;
    case 'leaseRevoke':
      return `revoked, revision ${response.leaseRevoke.header?.revision}`;
    case 'leaseCheckpoint':
      return 'noted';
    case 'putWithTtl':
      return `done, revision ${response.putWithTtl.header?.revision}`;
    case 'alarm':
      return `${response.alarm.alarms.length} alarms`;
  }
}

function operationsText(operations: readonly RequestOp[]): string {
  const texts = operations.map(({ request }) => {
    switch (request?.$case) {
      case 'requestPut':
        return `put ${toText(request.requestPut.key)} = ${valueText(request.requestPut.value)}`;
      case 'requestRange':
        return `get ${toText(request.requestRange.key)}`;
      case 'requestDeleteRange':
        return `delete ${toText(request.requestDeleteRange.key)}`;
      case 'requestTxn':
        return 'a transaction';
      case undefined:
        return 'nothing';
    }
  });
  return `{ ${texts.join('; ')} }`;
}

function rangeText(key: Uint8Array, end: Uint8Array): string {
  const printed = (bytes: Uint8Array): string => JSON.stringify(toText(bytes));
  return end.length === 0 ? toText(key) : `${printed(key)}..${printed(end)}`;
}

function keysText(keyValues: readonly KeyValue[]): string {
  return keyValues.length === 0
    ? 'nothing'
    : keyValues
        .map((kv) => `${toText(kv.key)} = ${valueText(kv.value)} of revision ${kv.modRevision}`)
        .join(', ');
}
