import {
  type Compare,
  type DeleteRangeRequest,
  type PutRequest,
  type RangeRequest,
  type RequestOp,
  type TxnRequest,
} from '@quorate/protocol';
import fc from 'fast-check';
import type { CommandBody } from '../command.ts';
import { bytes } from './store-driver.ts';

/** Few keys, so that commands meet; with the bytes and lengths at which orders go wrong. */
const key = fc
  .constantFrom('a', 'b', 'c', 'aa', 'ab', 'a\x00', '\x00', '\x00\x00', '\x7f', '\x80', '\xff', '\xff\xff')
  .map(bytes);
const maybeEmptyKey = fc.oneof(
  { weight: 40, arbitrary: key },
  { weight: 1, arbitrary: fc.constant(bytes('')) },
);
const rangeEnd = fc.oneof(
  { weight: 3, arbitrary: fc.constant(bytes('')) },
  { weight: 1, arbitrary: fc.constant(bytes('\x00')) },
  { weight: 3, arbitrary: key },
);
const value = fc.constantFrom('', 'x', 'y', 'xy', '\x00', '\xff').map(bytes);
/** Around what short histories reach, with what is always too old or too new. */
const revision = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 30 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 1000) },
);
const bound = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) },
);
/** Few, so that commands meet; one negative, which is what a client may choose as well. */
const leaseId = fc.constantFrom(7n, 8n, -9n);
const ttl = fc.constantFrom(1, 60, 9_000_000_000, 9_000_000_001);
/** Entries have term 1 in these histories: decisions of other terms must not count. */
const decisionTerm = fc.constantFrom(1, 1, 2);
const seldom = fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0);

export const rangeRequest: fc.Arbitrary<RangeRequest> = fc.record({
  key: maybeEmptyKey,
  rangeEnd,
  limit: fc.oneof(fc.constant(0), fc.integer({ min: -1, max: 5 })),
  revision,
  sortOrder: fc.constantFrom(0, 1, 2),
  sortTarget: fc.constantFrom(0, 0, 1, 2, 3, 4),
  serializable: fc.boolean(),
  keysOnly: seldom,
  countOnly: seldom,
  minModRevision: bound,
  maxModRevision: bound,
  minCreateRevision: bound,
  maxCreateRevision: bound,
});

const putRequest: fc.Arbitrary<PutRequest> = fc.record({
  key: maybeEmptyKey,
  value,
  lease: fc.oneof({ weight: 5, arbitrary: fc.constant(0n) }, { weight: 2, arbitrary: leaseId }),
  prevKv: fc.boolean(),
  ignoreValue: seldom,
  ignoreLease: seldom,
});

const deleteRequest: fc.Arbitrary<DeleteRangeRequest> = fc.record({
  key: maybeEmptyKey,
  rangeEnd,
  prevKv: fc.boolean(),
});

const comparison: fc.Arbitrary<Compare> = fc.record({
  result: fc.constantFrom(0, 1, 2, 3),
  target: fc.constantFrom(0, 1, 2, 3, 4),
  key: maybeEmptyKey,
  targetUnion: fc.oneof(
    fc.constant(undefined),
    bound.map((version) => ({ $case: 'version', version }) as const),
    bound.map((createRevision) => ({ $case: 'createRevision', createRevision }) as const),
    bound.map((modRevision) => ({ $case: 'modRevision', modRevision }) as const),
    value.map((data) => ({ $case: 'value', value: data }) as const),
    fc.constantFrom(0n, 7n, 8n).map((lease) => ({ $case: 'lease', lease }) as const),
  ),
  rangeEnd,
});

function transaction(depth: number, writes: boolean): fc.Arbitrary<TxnRequest> {
  const operation = requestOperation(depth, writes);
  const operations = fc.array(operation, { maxLength: 4 });
  return fc.record({
    compare: fc.array(comparison, { maxLength: 2 }),
    success: operations,
    failure: operations,
  });
}

function requestOperation(depth: number, writes: boolean): fc.Arbitrary<RequestOp> {
  const range = rangeRequest.map((request) => ({ $case: 'requestRange', requestRange: request }) as const);
  const put = putRequest.map((request) => ({ $case: 'requestPut', requestPut: request }) as const);
  const remove = deleteRequest.map(
    (request) => ({ $case: 'requestDeleteRange', requestDeleteRange: request }) as const,
  );
  const choices: fc.WeightedArbitrary<RequestOp['request']>[] = [{ weight: 6, arbitrary: range }];
  if (writes) {
    choices.push({ weight: 12, arbitrary: put }, { weight: 6, arbitrary: remove });
    choices.push({ weight: 1, arbitrary: fc.constant(undefined) });
  }
  if (depth > 0) {
    const nested = transaction(depth - 1, writes);
    choices.push({
      weight: 6,
      arbitrary: nested.map((request) => ({ $case: 'requestTxn', requestTxn: request }) as const),
    });
  }
  return fc.oneof(...choices).map((request) => ({ request }));
}

export const readOnlyTransaction: fc.Arbitrary<TxnRequest> = transaction(2, false);

export const transactionRequest: fc.Arbitrary<TxnRequest> = transaction(2, true);

/** Any command, valid or not. */
export const commandBody: fc.Arbitrary<CommandBody> = fc.oneof(
  { weight: 6, arbitrary: putRequest.map((put) => ({ $case: 'put', put }) as const) },
  {
    weight: 3,
    arbitrary: deleteRequest.map((deleteRange) => ({ $case: 'deleteRange', deleteRange }) as const),
  },
  { weight: 6, arbitrary: transactionRequest.map((txn) => ({ $case: 'txn', txn }) as const) },
  {
    weight: 1,
    arbitrary: revision.map(
      (at) => ({ $case: 'compaction', compaction: { revision: at, physical: false } }) as const,
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        memberId: fc.bigInt({ min: 1n, max: 3n }),
        name: fc.string(),
        clientUrls: fc.array(fc.string()),
      })
      .map((publishMember) => ({ $case: 'publishMember', publishMember }) as const),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ ID: leaseId, TTL: ttl })
      .map((leaseGrant) => ({ $case: 'leaseGrant', leaseGrant }) as const),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ id: leaseId, expiredInTerm: fc.oneof(fc.constant(0), decisionTerm) })
      .map((leaseRevoke) => ({ $case: 'leaseRevoke', leaseRevoke }) as const),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        term: decisionTerm,
        leases: fc.array(fc.record({ id: leaseId, remainingMs: fc.constantFrom(0, 500, 1e13) })),
      })
      .map((leaseCheckpoint) => ({ $case: 'leaseCheckpoint', leaseCheckpoint }) as const),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ put: fc.tuple(putRequest, leaseId).map(([put, lease]) => ({ ...put, lease })), ttl })
      .map((putWithTtl) => ({ $case: 'putWithTtl', putWithTtl }) as const),
  },
  // Clearing is likelier than raising: while a member has no space, most commands are refused.
  {
    weight: 1,
    arbitrary: fc
      .record({
        action: fc.constantFrom(0, 1, 2, 2, 2),
        memberID: fc.constantFrom(0n, 0n, 1n, 2n),
        alarm: fc.constantFrom(0, 1, 2),
      })
      .map((alarm) => ({ $case: 'alarm', alarm }) as const),
  },
);
