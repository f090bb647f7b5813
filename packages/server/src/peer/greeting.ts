import { peer as wire } from '@quorate/protocol';
import { formatMemberId, type LogIndex, type MemberId, toLogIndex } from '@quorate/raft';
import { decodePayload } from './frame.ts';

/** The version of what travels between members. Both sides must have the same. */
export const peerProtocolVersion = 1;

/** Who takes part in the conversation, as one side sees it. */
export type Introduction = {
  readonly clusterId: bigint;
  readonly self: MemberId;
  /** Where this member is to be called back. */
  readonly peerUrl: string;
  /** The log index of the last configuration that it knows to be committed. */
  readonly asOf: LogIndex;
  /**
   * Whether nothing has come yet of which a peer could know that this member runs. Who says that it has run before
   * means another data directory. Asked when the answer is there: it may become false meanwhile.
   */
  readonly isUnpublished: () => boolean;
};

/** Who calls, as a Hello says. */
export type Caller = { readonly id: bigint; readonly peerUrl: string; readonly asOf: LogIndex };

/** Why a caller was turned away. */
export type Refusal =
  | 'wrong-cluster'
  | 'wrong-member'
  | 'unsupported-version'
  | 'unknown-sender'
  /** Another process with the caller's id is connected, and answers. */
  | 'already-connected';

/** What the member that was called makes of a Hello. */
export type HelloVerdict =
  | { readonly accepted: true; readonly from: MemberId }
  | { readonly accepted: false; readonly refusal: Refusal; readonly explanation: string };

/** The first thing that a caller says. */
export function encodeHello(own: Introduction, to: MemberId): Uint8Array {
  const { clusterId, self: from, peerUrl, asOf: configurationIndex } = own;
  const hello = { protocolVersion: peerProtocolVersion, clusterId, from, to, peerUrl, configurationIndex };
  return wire.Hello.encode(hello).finish();
}

/** Judges a caller's Hello. `recognises` says whom this member talks to. Throws `MalformedFrame` if it is no Hello at all. */
export function judgeHello(
  payload: Uint8Array,
  own: Introduction,
  recognises: (caller: Caller) => boolean,
): HelloVerdict {
  const hello = decodePayload('hello', () => wire.Hello.decode(payload));
  if (hello.protocolVersion !== peerProtocolVersion) {
    const explanation = `it speaks version ${hello.protocolVersion} of the peer protocol, this member speaks version ${peerProtocolVersion}`;
    return { accepted: false, refusal: 'unsupported-version', explanation };
  }
  if (hello.clusterId !== own.clusterId) {
    const explanation = `it belongs to cluster ${hello.clusterId.toString(16)}, this member to ${own.clusterId.toString(16)}; compare initial-cluster and initial-cluster-token of both`;
    return { accepted: false, refusal: 'wrong-cluster', explanation };
  }
  if (hello.to !== own.self) {
    const explanation = `it took this member for ${hello.to.toString(16)}, but this is ${formatMemberId(own.self)}; a peer URL in initial-cluster leads to the wrong member`;
    return { accepted: false, refusal: 'wrong-member', explanation };
  }
  if (hello.from === own.self) {
    const explanation =
      'it claims to be this member; two members run with one name, or with copies of one data directory';
    return { accepted: false, refusal: 'unknown-sender', explanation };
  }
  const asOf = toLogIndex(hello.configurationIndex);
  if (!recognises({ id: hello.from, peerUrl: hello.peerUrl, asOf })) {
    const explanation = `${hello.from.toString(16)} is not a member of this cluster`;
    return { accepted: false, refusal: 'unknown-sender', explanation };
  }
  return { accepted: true, from: hello.from as MemberId };
}

/** The answer to a Hello; null accepts it. */
export function encodeHelloReply(
  own: Introduction,
  refusal: Refusal | null,
  callerHasRun: boolean,
): Uint8Array {
  const status = refusal === null ? wire.HelloReply_Status.OK : statusOfRefusal[refusal];
  const { clusterId, self: memberId, asOf: configurationIndex } = own;
  return wire.HelloReply.encode({
    status,
    protocolVersion: peerProtocolVersion,
    clusterId,
    memberId,
    configurationIndex,
    callerHasRun,
  }).finish();
}

/** Why this member and a peer do not talk. */
export type TurnedAway = {
  /** For people. */
  readonly message: string;
  readonly reason:
    | { readonly kind: 'misfit' }
    /** The configuration at this log index, which is the last that the peer knows, does not name this member. */
    | { readonly kind: 'unknown'; readonly asOf: LogIndex }
    /** The peer accepts this member for the one that it was with another data directory. */
    | { readonly kind: 'forgetful' };
};

/** What a caller makes of the answer: null if it was accepted, else why not. Throws `MalformedFrame` if it is no answer. */
export function judgeHelloReply(
  payload: Uint8Array,
  own: Introduction,
  expected: MemberId,
): TurnedAway | null {
  const reply = decodePayload('hello-reply', () => wire.HelloReply.decode(payload));
  const message = explainReply(reply, own, expected);
  if (message === null) {
    if (!reply.callerHasRun || !own.isUnpublished()) return null;
    const known = 'it knows that this member has run before, and its data is not in this data directory';
    return { message: known, reason: { kind: 'forgetful' } };
  }
  const isUnknown =
    reply.status === wire.HelloReply_Status.UNKNOWN_SENDER &&
    reply.clusterId === own.clusterId &&
    reply.memberId === expected;
  if (!isUnknown) return { message, reason: { kind: 'misfit' } };
  return { message, reason: { kind: 'unknown', asOf: toLogIndex(reply.configurationIndex) } };
}

function explainReply(reply: wire.HelloReply, own: Introduction, expected: MemberId): string | null {
  switch (reply.status) {
    case wire.HelloReply_Status.OK:
      if (reply.memberId === expected && reply.clusterId === own.clusterId) return null;
      return `it answered as member ${reply.memberId.toString(16)} of cluster ${reply.clusterId.toString(16)}, which is not who was called`;
    case wire.HelloReply_Status.WRONG_CLUSTER:
      return `it belongs to another cluster (${reply.clusterId.toString(16)}, this one is ${own.clusterId.toString(16)}); compare initial-cluster and initial-cluster-token of both members`;
    case wire.HelloReply_Status.WRONG_MEMBER:
      return `it is another member (${reply.memberId.toString(16)}, called was ${formatMemberId(expected)}); correct the peer URLs in initial-cluster`;
    case wire.HelloReply_Status.UNSUPPORTED_VERSION:
      return `it speaks version ${reply.protocolVersion} of the peer protocol, this member speaks version ${peerProtocolVersion}; run the same release`;
    case wire.HelloReply_Status.UNKNOWN_SENDER:
      return 'it does not know this member; it was removed from the cluster, or initial-cluster differs';
    case wire.HelloReply_Status.ALREADY_CONNECTED:
      return 'another process is connected to it as this member; two run with one name and must not: stop one of them';
    case wire.HelloReply_Status.UNSPECIFIED:
      return 'it refused without saying why';
  }
}

const statusOfRefusal: Readonly<Record<Refusal, wire.HelloReply_Status>> = {
  'wrong-cluster': wire.HelloReply_Status.WRONG_CLUSTER,
  'wrong-member': wire.HelloReply_Status.WRONG_MEMBER,
  'unsupported-version': wire.HelloReply_Status.UNSUPPORTED_VERSION,
  'unknown-sender': wire.HelloReply_Status.UNKNOWN_SENDER,
  'already-connected': wire.HelloReply_Status.ALREADY_CONNECTED,
};
