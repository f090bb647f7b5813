import {
  Compare,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  Event_EventType as EventType,
  type KeyValue,
  PutRequest,
  RangeRequest,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
  type ResponseHeader,
  type TxnResponse,
  TxnRequest,
} from '@quorate/protocol';
import type { RequestOp } from '@quorate/protocol';
import type { Call } from '@quorate/replica';
import { concurrencyFailure, type ConcurrencyErrorCode } from '../error-table.ts';
import { execute } from '../execute.ts';
import { completeHeader, type Member } from '../member.ts';
import { keyChanges } from './key-changes.ts';
import type { Waiting } from './waiting.ts';

/** A place in a queue: a key that exists as long as its owner wants it, and its lease lasts. */
export type Place = {
  readonly key: Uint8Array;
  /** That created the key. Grows from owner to owner: whoever is told the larger one came later. */
  readonly revision: number;
};

/** What was there when a place was taken, if it had been taken before. */
export type EarlierPlace = Place & { readonly earlier: KeyValue | null };

const noBytes = new Uint8Array(0);

/**
 * Those who want to own a name, one after the other: each has a key `name/lease`, and whose key was created first
 * is the owner. It waits for the one before it only, so that one who leaves wakes one. This is how etcd's clients
 * do it, who can stand in the same queue.
 */
export class OwnershipQueue {
  private readonly member: Member;
  private readonly prefix: Uint8Array;
  private readonly lostPlace: ConcurrencyErrorCode;

  /** `lostPlace` is the error for one whose key is gone: its lease has ended, or somebody has deleted the key. */
  constructor(member: Member, name: Uint8Array, lostPlace: ConcurrencyErrorCode) {
    this.member = member;
    this.prefix = Buffer.concat([name, Buffer.from('/')]);
    this.lostPlace = lostPlace;
  }

  /** All keys of the queue. */
  get range(): { readonly key: Uint8Array; readonly rangeEnd: Uint8Array } {
    const rangeEnd = Uint8Array.from(this.prefix);
    rangeEnd[rangeEnd.length - 1] = '/'.charCodeAt(0) + 1;
    return { key: this.prefix, rangeEnd };
  }

  /** Takes a place at the end, or finds the one that the lease has. Rejects with `lease-not-found`. */
  async enter(lease: bigint, value: Uint8Array, call: Call): Promise<EarlierPlace> {
    const key = Buffer.concat([this.prefix, Buffer.from(lease.toString(16))]);
    const put = PutRequest.create({ key, value, lease });
    const answer = await this.transact(
      {
        compare: [createdAt(key, 0)],
        success: [{ request: { $case: 'requestPut', requestPut: put } }],
        failure: [{ request: { $case: 'requestRange', requestRange: RangeRequest.create({ key }) } }],
      },
      call,
    );
    const [found] = answer.responses;
    const earlier =
      found?.response?.$case === 'responseRange' ? (found.response.responseRange.kvs[0] ?? null) : null;
    return { key, revision: earlier?.createRevision ?? answer.header?.revision ?? 0, earlier };
  }

  /** Resolves when the place is the first, with a header of then. Rejects with why the waiting is over. */
  async awaitTurn(place: Place, waiting: Waiting): Promise<ResponseHeader | undefined> {
    for (;;) {
      if (waiting.failure !== null) throw waiting.failure;
      await this.member.linearize(waiting.piece());
      const { header, kvs } = this.member.store.range(
        RangeRequest.create({
          ...this.range,
          maxCreateRevision: place.revision,
          sortTarget: SortTarget.CREATE,
          sortOrder: SortOrder.DESCEND,
          limit: 2,
        }),
      );
      const [own, before] = kvs;
      if (own?.createRevision !== place.revision) throw concurrencyFailure(this.lostPlace);
      if (before === undefined) return completeHeader(this.member, { header }).header;
      await this.deletionOf([before.key, place.key], header?.revision ?? 0, waiting.signal);
    }
  }

  /** Gives the place up, unless it is gone or somebody else's by now. */
  async leave(place: Place, call: Call): Promise<TxnResponse> {
    const requestDeleteRange = { key: place.key, rangeEnd: noBytes, prevKv: false };
    return this.ifHeld(place, { request: { $case: 'requestDeleteRange', requestDeleteRange } }, call);
  }

  /** Replaces the value of a place. `succeeded` tells whether the place was still held. */
  async setValue(place: Place, lease: bigint, value: Uint8Array, call: Call): Promise<TxnResponse> {
    const put = PutRequest.create({ key: place.key, value, lease });
    return this.ifHeld(place, { request: { $case: 'requestPut', requestPut: put } }, call);
  }

  /** Who is first, and the header of the read that says so. */
  async owner(call: Call): Promise<{ header: ResponseHeader | undefined; kv: KeyValue | undefined }> {
    await this.member.linearize(call);
    const response = this.member.store.range(
      RangeRequest.create({
        ...this.range,
        sortTarget: SortTarget.CREATE,
        sortOrder: SortOrder.ASCEND,
        limit: 1,
      }),
    );
    const { header, kvs } = completeHeader(this.member, response);
    return { header, kv: kvs[0] };
  }

  private async ifHeld(place: Place, operation: RequestOp, call: Call): Promise<TxnResponse> {
    return this.transact(
      { compare: [createdAt(place.key, place.revision)], success: [operation], failure: [] },
      call,
    );
  }

  private async transact(txn: TxnRequest, call: Call): Promise<TxnResponse> {
    return completeHeader(this.member, (await execute(this.member, { $case: 'txn', txn }, call)).txn);
  }

  private async deletionOf(
    keys: readonly Uint8Array[],
    afterRevision: number,
    signal: AbortSignal,
  ): Promise<void> {
    const ranges = keys.map((key) => ({ key, rangeEnd: noBytes }));
    for await (const events of keyChanges(this.member, ranges, afterRevision, signal)) {
      if (events.some(({ type }) => type === EventType.DELETE)) return;
    }
  }
}

function createdAt(key: Uint8Array, createRevision: number): Compare {
  return Compare.create({
    key,
    target: Target.CREATE,
    result: Result.EQUAL,
    targetUnion: { $case: 'createRevision', createRevision },
  });
}
