import { peer as wire } from '@quorate/protocol';
import { formatMemberId, type MemberId } from '@quorate/raft';
import { decodePayload } from './frame.ts';

/** The version of what travels between members. Both sides must have the same. */
export const peerProtocolVersion = 1;

/** Who takes part in the conversation, as one side sees it. */
export type Introduction = { readonly clusterId: bigint; readonly self: MemberId };

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
  const hello = { protocolVersion: peerProtocolVersion, clusterId: own.clusterId, from: own.self, to };
  return wire.Hello.encode(hello).finish();
}

/** Judges a caller's Hello. `isPeer` says whom this member talks to. Throws `MalformedFrame` if it is no Hello at all. */
export function judgeHello(
  payload: Uint8Array,
  own: Introduction,
  isPeer: (id: bigint) => boolean,
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
  if (!isPeer(hello.from)) {
    const explanation = `${hello.from.toString(16)} is not a member of this cluster`;
    return { accepted: false, refusal: 'unknown-sender', explanation };
  }
  return { accepted: true, from: hello.from as MemberId };
}

/** The answer to a Hello; null accepts it. */
export function encodeHelloReply(own: Introduction, refusal: Refusal | null): Uint8Array {
  const status = refusal === null ? wire.HelloReply_Status.OK : statusOfRefusal[refusal];
  const { clusterId, self: memberId } = own;
  return wire.HelloReply.encode({
    status,
    protocolVersion: peerProtocolVersion,
    clusterId,
    memberId,
  }).finish();
}

/** What a caller makes of the answer: null if it was accepted, else why not, for people. Throws `MalformedFrame` if it is no answer. */
export function judgeHelloReply(payload: Uint8Array, own: Introduction, expected: MemberId): string | null {
  const reply = decodePayload('hello-reply', () => wire.HelloReply.decode(payload));
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
