import type { RequestOp, TxnRequest } from '@quorate/protocol';
import { covers } from './model-keys.ts';

/** One change that a transaction may make, and where it stands: a list and a place in it for each level. */
type Change = {
  readonly path: readonly { readonly list: 'success' | 'failure'; readonly place: number }[];
  readonly kind: 'put' | 'delete';
  readonly request: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array };
};

/** Whether some two changes, that are not in the two lists of the same transaction, are of the same key. */
export function modelRefusesTransaction(request: TxnRequest): boolean {
  const changes = changesOf(request, []);
  return changes.some((a, index) =>
    changes.slice(index + 1).some((b) => !areExclusive(a, b) && areOfSameKey(a, b)),
  );
}

function changesOf(request: TxnRequest, path: Change['path']): Change[] {
  const lists = { success: request.success, failure: request.failure };
  return (['success', 'failure'] as const).flatMap((list) =>
    lists[list].flatMap((operation, place) => changesOfOperation(operation, [...path, { list, place }])),
  );
}

function changesOfOperation({ request }: RequestOp, path: Change['path']): Change[] {
  switch (request?.$case) {
    case 'requestPut':
      return [{ path, kind: 'put', request: { key: request.requestPut.key, rangeEnd: new Uint8Array(0) } }];
    case 'requestDeleteRange':
      return [{ path, kind: 'delete', request: request.requestDeleteRange }];
    case 'requestTxn':
      return changesOf(request.requestTxn, path);
    case 'requestRange':
    case undefined:
      return [];
  }
}

/** Only one of the two lists of a transaction is executed. */
function areExclusive(a: Change, b: Change): boolean {
  for (const [level, step] of a.path.entries()) {
    const other = b.path[level];
    if (other === undefined) return false;
    if (step.list !== other.list) return true;
    if (step.place !== other.place) return false;
  }
  return false;
}

function areOfSameKey(a: Change, b: Change): boolean {
  if (a.kind === 'delete' && b.kind === 'delete') return false;
  return a.kind === 'put' ? covers(b.request, a.request.key) : covers(a.request, b.request.key);
}
