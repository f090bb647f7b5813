import {
  type CampaignRequest,
  type CampaignResponse,
  electionService,
  Event_EventType as EventType,
  type LeaderKey,
  type LeaderResponse,
} from '@quorate/protocol';
import { type HandledMethod, serverStream, unary } from '../api-method.ts';
import type { CallContext } from '../call-context.ts';
import { concurrencyFailure } from '../error-table.ts';
import { headerAt, type Member } from '../member.ts';
import type { StreamContext } from '../stream-context.ts';
import { holdPlace, leaseOrNew } from './hold-place.ts';
import { keyChanges } from './key-changes.ts';
import { type EarlierPlace, OwnershipQueue, type Place } from './ownership-queue.ts';
import { Waiting } from './waiting.ts';

/** etcd's Election service. Calls that wait are told `stopped` when `stopping` is aborted, and keep their place. */
export function electionMethods(member: Member, stopping: AbortSignal): readonly HandledMethod[] {
  const { methods } = electionService;
  const queueOf = (name: Uint8Array): OwnershipQueue => {
    return new OwnershipQueue(member, name, 'not-elected');
  };
  return [
    unary(methods.campaign, async (request, context) => campaign(member, request, context, stopping)),
    unary(methods.proclaim, async ({ leader, value }, context) => {
      const { name, place, lease } = placeOf(leader);
      const answer = await queueOf(name).setValue(place, lease, value, context);
      if (!answer.succeeded) throw concurrencyFailure('not-elected');
      return { header: answer.header };
    }),
    unary(methods.leader, async ({ name }, context) => {
      const { header, kv } = await queueOf(name).owner(context);
      if (kv === undefined) throw concurrencyFailure('nobody-elected');
      return { header, kv };
    }),
    serverStream(methods.observe, ({ name }, context) => observe(member, queueOf(name), context)),
    unary(methods.resign, async ({ leader }, context) => {
      const { name, place } = placeOf(leader);
      return { header: (await queueOf(name).leave(place, context)).header };
    }),
  ];
}

async function campaign(
  member: Member,
  { name, lease, value }: CampaignRequest,
  context: CallContext,
  stopping: AbortSignal,
): Promise<CampaignResponse> {
  const waiting = new Waiting(member, context, stopping);
  try {
    const queue = new OwnershipQueue(member, name, 'not-elected');
    const owner = await leaseOrNew(member, lease, waiting);
    const place = await queue.enter(owner, value, waiting.wholePiece());
    await bringValue(queue, place, owner, value, waiting);
    const header = await holdPlace(queue, place, waiting);
    return { header, leader: { name, key: place.key, rev: place.revision, lease: owner } };
  } finally {
    waiting.close();
  }
}

/** A candidate that comes again may come with another value. */
async function bringValue(
  queue: OwnershipQueue,
  place: EarlierPlace,
  lease: bigint,
  value: Uint8Array,
  waiting: Waiting,
): Promise<void> {
  if (place.earlier !== null && Buffer.compare(place.earlier.value, value) !== 0) {
    const { succeeded } = await queue.setValue(place, lease, value, waiting.wholePiece());
    if (!succeeded) throw concurrencyFailure('not-elected');
  }
}

/** Every leader in order, each with the values that it proclaims. */
async function* observe(
  member: Member,
  queue: OwnershipQueue,
  context: StreamContext,
): AsyncGenerator<LeaderResponse> {
  // A new leader's value may be older than its predecessor's last one.
  let told = { createRevision: 0, modRevision: 0 };
  while (!context.signal.aborted) {
    const { header, kv } = await queue.owner(context.call());
    if (
      kv !== undefined &&
      (kv.createRevision !== told.createRevision || kv.modRevision > told.modRevision)
    ) {
      told = kv;
      yield { header, kv };
    }
    const watched = kv === undefined ? queue.range : { key: kv.key, rangeEnd: new Uint8Array(0) };
    const changes = keyChanges(member, [watched], header?.revision ?? 0, context.signal);
    proclamations: for await (const events of changes) {
      for (const event of events) {
        // Without a leader, whoever comes may be one; and after one there may be another.
        if (kv === undefined || event.type === EventType.DELETE || event.kv === undefined)
          break proclamations;
        told = event.kv;
        yield { header: headerAt(member, event.kv.modRevision), kv: event.kv };
      }
    }
  }
}

function placeOf(leader: LeaderKey | undefined): {
  readonly name: Uint8Array;
  readonly place: Place;
  readonly lease: bigint;
} {
  if (leader === undefined) throw concurrencyFailure('leader-not-provided');
  return { name: leader.name, place: { key: leader.key, revision: leader.rev }, lease: leader.lease };
}
