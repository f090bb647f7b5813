import { connect } from 'node:net';
import { peer as wire } from '@quorate/protocol';
import { type LoggedConfiguration, type MemberId, toLogIndex, toMemberId } from '@quorate/raft';
import type { Clock } from '@quorate/replica';
import type { NetworkAddress } from '../configuration/network-address.ts';
import { decodePayload, MalformedFrame } from './frame.ts';
import { FramedSocket } from './framed-socket.ts';
import { peerProtocolVersion } from './greeting.ts';
import { configurationFromWire, configurationToWire } from './message-codec.ts';

/** What a member says about its cluster to who wants to join it. */
export type ClusterDescription = {
  readonly clusterId: bigint;
  /** Who answers. */
  readonly memberId: MemberId;
  /** The last configuration that it knows to be committed; null if it knows none yet. */
  readonly settled: LoggedConfiguration | null;
  /** The members of it that have ever run, as far as that is known. */
  readonly started: readonly MemberId[];
};

/** The most bytes that a description may take. */
const descriptionMaxBytes = 256 * 1024;

export function encodeInquiry(): Uint8Array {
  return wire.Inquiry.encode({ protocolVersion: peerProtocolVersion }).finish();
}

export function encodeDescription({ clusterId, memberId, settled, started }: ClusterDescription): Uint8Array {
  return wire.InquiryReply.encode({
    protocolVersion: peerProtocolVersion,
    clusterId,
    memberId,
    configurationIndex: settled?.index ?? 0,
    configuration: settled === null ? undefined : configurationToWire(settled.configuration),
    started: [...started],
  }).finish();
}

/** Throws `MalformedFrame`. */
export function decodeDescription(payload: Uint8Array): ClusterDescription {
  return decodePayload('inquiry-reply', () => {
    const reply = wire.InquiryReply.decode(payload);
    if (reply.protocolVersion !== peerProtocolVersion) {
      throw new MalformedFrame(
        `it speaks version ${reply.protocolVersion} of the peer protocol, this member speaks version ${peerProtocolVersion}; run the same release`,
      );
    }
    const { clusterId, configuration } = reply;
    const settled =
      configuration === undefined
        ? null
        : {
            index: toLogIndex(reply.configurationIndex),
            configuration: configurationFromWire(configuration),
          };
    return {
      clusterId,
      memberId: toMemberId(reply.memberId),
      settled,
      started: reply.started.map(toMemberId),
    };
  });
}

/**
 * Asks the member at a peer address what cluster it belongs to. Rejects with an Error whose message says why
 * there is no answer; at the latest after `timeoutMs`, and at once when `signal` is aborted.
 */
export async function inquire(
  address: NetworkAddress,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal | undefined },
): Promise<ClusterDescription> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<ClusterDescription>();
  const socket = new FramedSocket(connect({ host: address.host, port: address.port }), clock, {
    receive: ({ type, payload }) => {
      if (type !== 'inquiry-reply') throw new MalformedFrame(`a ${type} frame out of turn`);
      resolve(decodeDescription(payload));
    },
    drained: () => undefined,
    ended: (reason) => reject(new Error('message' in reason ? reason.message : 'it hung up')),
  });
  const timer = clock.setTimer(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
  const giveUp = (): void => reject(new Error('the start was called off'));
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    socket.start();
    socket.acceptPayloads(descriptionMaxBytes);
    socket.write('inquiry', encodeInquiry());
    return await promise;
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', giveUp);
    socket.close();
  }
}
