import { peer as wire } from '@quorate/protocol';
import { toMemberId } from '@quorate/raft';
import {
  type MembershipChange,
  type PeerAnswer,
  type PeerRequest,
  type PeerResponse,
  refuse,
} from '@quorate/replica';
import { decodePayload, MalformedFrame } from './frame.ts';
import { configurationFromWire, configurationToWire } from './message-codec.ts';

/** A call as it was received. `request` is null if this release does not know its kind. */
export type ReceivedCall = { readonly id: number; readonly request: PeerRequest | null };

export function encodeCall(id: number, request: PeerRequest): Uint8Array {
  return wire.Call.encode({ id, request: requestToWire(request) }).finish();
}

/** Bytes in what it returns are views of `payload`. Throws `MalformedFrame`. */
export function decodeCall(payload: Uint8Array): ReceivedCall {
  return decodePayload('call', () => {
    const { id, request } = wire.Call.decode(plain(payload));
    return { id, request: requestFromWire(request) };
  });
}

export function encodeAnswer(id: number, answer: PeerAnswer): Uint8Array {
  const response = answer.ok
    ? responseToWire(answer.response)
    : ({ $case: 'refusal', refusal: answer.refusal } as const);
  return wire.Answer.encode({ id, response }).finish();
}

/** Bytes in what it returns are views of `payload`. Throws `MalformedFrame`. */
export function decodeAnswer(payload: Uint8Array): { readonly id: number; readonly answer: PeerAnswer } {
  return decodePayload('answer', () => {
    const { id, response } = wire.Answer.decode(plain(payload));
    return { id, answer: answerFromWire(response) };
  });
}

function requestToWire(request: PeerRequest): wire.Call['request'] {
  switch (request.type) {
    case 'ping':
      return { $case: 'ping', ping: {} };
    case 'digest':
      return { $case: 'digest', digest: request };
    case 'change-membership':
      return {
        $case: 'changeMembership',
        changeMembership: { changes: request.changes.map(changeToWire) },
      };
    case 'renew-lease':
      return { $case: 'renewLease', renewLease: { id: request.id } };
    case 'lease-remaining':
      return { $case: 'leaseRemaining', leaseRemaining: { id: request.id } };
    case 'snapshot-open':
      return { $case: 'snapshotOpen', snapshotOpen: { index: request.index } };
    case 'snapshot-read': {
      const { digest, offset, maxBytes } = request;
      return { $case: 'snapshotRead', snapshotRead: { digest, offset, maxBytes } };
    }
  }
}

function requestFromWire(request: wire.Call['request']): PeerRequest | null {
  switch (request?.$case) {
    case 'ping':
      return { type: 'ping' };
    case 'digest':
      return { type: 'digest', ...request.digest };
    case 'changeMembership':
      return { type: 'change-membership', changes: request.changeMembership.changes.map(changeFromWire) };
    case 'renewLease':
      return { type: 'renew-lease', id: request.renewLease.id };
    case 'leaseRemaining':
      return { type: 'lease-remaining', id: request.leaseRemaining.id };
    case 'snapshotOpen':
      return { type: 'snapshot-open', index: request.snapshotOpen.index };
    case 'snapshotRead':
      return { type: 'snapshot-read', ...request.snapshotRead };
    case undefined:
      return null;
  }
}

function responseToWire(response: PeerResponse): wire.Answer['response'] {
  switch (response.type) {
    case 'ping':
      return { $case: 'ping', ping: { wallMs: response.wallMs, version: response.version } };
    case 'digest':
      return { $case: 'digest', digest: { digest: response.digest ?? undefined } };
    case 'change-membership': {
      const { added, configuration } = response.outcome;
      return {
        $case: 'changeMembership',
        changeMembership: { added: [...added], configuration: configurationToWire(configuration) },
      };
    }
    case 'renew-lease':
      return { $case: 'renewLease', renewLease: { ttl: response.ttlSeconds } };
    case 'lease-remaining': {
      const { remainingMs } = response;
      const exists = remainingMs !== null;
      return {
        $case: 'leaseRemaining',
        leaseRemaining: { exists, remainingMs: Math.ceil(remainingMs ?? 0) },
      };
    }
    case 'snapshot-open': {
      const { index, term, sizeBytes, digest } = response;
      return { $case: 'snapshotOpen', snapshotOpen: { index, term, sizeBytes, digest } };
    }
    case 'snapshot-read':
      return { $case: 'snapshotRead', snapshotRead: { data: response.bytes } };
  }
}

function answerFromWire(response: wire.Answer['response']): PeerAnswer {
  switch (response?.$case) {
    case 'refusal':
      return { ok: false, refusal: response.refusal };
    case 'ping':
      return { ok: true, response: { type: 'ping', ...response.ping } };
    case 'digest':
      return { ok: true, response: { type: 'digest', digest: response.digest.digest ?? null } };
    case 'changeMembership': {
      const { added, configuration } = response.changeMembership;
      if (configuration === undefined) {
        throw new MalformedFrame('the answer to a change of membership has no configuration');
      }
      const outcome = {
        added: added.map(toMemberId),
        configuration: configurationFromWire(configuration),
      };
      return { ok: true, response: { type: 'change-membership', outcome } };
    }
    case 'renewLease':
      return { ok: true, response: { type: 'renew-lease', ttlSeconds: response.renewLease.ttl } };
    case 'leaseRemaining': {
      const { exists, remainingMs } = response.leaseRemaining;
      return { ok: true, response: { type: 'lease-remaining', remainingMs: exists ? remainingMs : null } };
    }
    case 'snapshotOpen':
      return { ok: true, response: { type: 'snapshot-open', ...response.snapshotOpen } };
    case 'snapshotRead':
      return { ok: true, response: { type: 'snapshot-read', bytes: response.snapshotRead.data } };
    case undefined:
      return refuse('internal', 'the peer answered with something that this release does not know');
  }
}

function changeToWire(change: MembershipChange): wire.MembershipChange {
  switch (change.kind) {
    case 'add': {
      const { name, peerUrls, becomesVoter } = change;
      return { kind: { $case: 'add', add: { name, peerUrls: [...peerUrls], becomesVoter } } };
    }
    case 'remove':
      return { kind: { $case: 'remove', remove: change.id } };
    case 'update-peer-urls': {
      const { id, peerUrls } = change;
      return { kind: { $case: 'updatePeerUrls', updatePeerUrls: { id, peerUrls: [...peerUrls] } } };
    }
    case 'promote':
      return { kind: { $case: 'promote', promote: change.id } };
  }
}

function changeFromWire({ kind }: wire.MembershipChange): MembershipChange {
  switch (kind?.$case) {
    case 'add':
      return { kind: 'add', ...kind.add };
    case 'remove':
      return { kind: 'remove', id: toMemberId(kind.remove) };
    case 'updatePeerUrls': {
      const { id, peerUrls } = kind.updatePeerUrls;
      return { kind: 'update-peer-urls', id: toMemberId(id), peerUrls };
    }
    case 'promote':
      return { kind: 'promote', id: toMemberId(kind.promote) };
    case undefined:
      throw new MalformedFrame('a change of membership has no kind that this release knows');
  }
}

/** Views of a Buffer would be Buffers, whose `slice` differs from what everybody else expects of bytes. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
