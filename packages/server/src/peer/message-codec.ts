import { peer as wire } from '@quorate/protocol';
import {
  type Configuration,
  type Entry,
  type MemberId,
  type Message,
  type RefusalReason,
  type SnapshotDescription,
  toLogIndex,
  toMemberId,
  toTerm,
} from '@quorate/raft';
import { decodePayload, MalformedFrame } from './frame.ts';

/** Encodes messages of one sender to one receiver, whom the connection's Hello has named. */
export function encodeBatch(messages: readonly Message[]): Uint8Array {
  return wire.Batch.encode({ messages: messages.map(toWire) }).finish();
}

/** Decodes a batch. The data of entries and proposals are views of `bytes`. Throws `MalformedFrame`. */
export function decodeBatch(bytes: Uint8Array, from: MemberId, to: MemberId): readonly Message[] {
  // Views of a Buffer would be Buffers, whose `slice` differs from what everybody else expects of bytes.
  const plainBytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return decodePayload('batch', () => {
    return wire.Batch.decode(plainBytes).messages.map((message) => fromWire(message, from, to));
  });
}

function toWire(message: Message): wire.Message {
  return { term: message.term, body: bodyToWire(message) };
}

function bodyToWire(message: Message): wire.Message['body'] {
  switch (message.type) {
    case 'pre-vote-request': {
      const { lastIndex, lastTerm } = message;
      return { $case: 'preVoteRequest', preVoteRequest: { lastIndex, lastTerm, leadershipTransfer: false } };
    }
    case 'pre-vote-response':
      return { $case: 'preVoteResponse', preVoteResponse: { granted: message.granted } };
    case 'vote-request': {
      const { lastIndex, lastTerm, leadershipTransfer } = message;
      return { $case: 'voteRequest', voteRequest: { lastIndex, lastTerm, leadershipTransfer } };
    }
    case 'vote-response':
      return { $case: 'voteResponse', voteResponse: { granted: message.granted } };
    case 'append-request': {
      const { previousIndex, previousTerm, commit } = message;
      const entries = message.entries.map(entryToWire);
      return { $case: 'appendRequest', appendRequest: { previousIndex, previousTerm, entries, commit } };
    }
    case 'append-response':
      return { $case: 'appendResponse', appendResponse: { result: resultToWire(message.result) } };
    case 'heartbeat-request':
      return {
        $case: 'heartbeatRequest',
        heartbeatRequest: { commit: message.commit, round: message.round },
      };
    case 'heartbeat-response':
      return { $case: 'heartbeatResponse', heartbeatResponse: { round: message.round } };
    case 'snapshot-request': {
      const { index, term, configuration } = message.snapshot;
      const snapshot = { index, term, configuration: configurationToWire(configuration) };
      return { $case: 'snapshotRequest', snapshotRequest: { snapshot } };
    }
    case 'snapshot-response':
      return { $case: 'snapshotResponse', snapshotResponse: { matchIndex: message.matchIndex } };
    case 'timeout-now':
      return { $case: 'timeoutNow', timeoutNow: {} };
    case 'forwarded-proposals':
      return { $case: 'forwardedProposals', forwardedProposals: { proposals: [...message.proposals] } };
    case 'proposals-refused': {
      const refused = { ids: [...message.ids], reason: reasonNumbers[message.reason] };
      return { $case: 'proposalsRefused', proposalsRefused: refused };
    }
    case 'forwarded-read':
      return { $case: 'forwardedRead', forwardedRead: { id: message.id } };
    case 'forwarded-read-response':
      return {
        $case: 'forwardedReadResponse',
        forwardedReadResponse: { id: message.id, index: message.index },
      };
    case 'forwarded-read-refused': {
      const refused = { id: message.id, reason: reasonNumbers[message.reason] };
      return { $case: 'forwardedReadRefused', forwardedReadRefused: refused };
    }
  }
}

function fromWire(message: wire.Message, from: MemberId, to: MemberId): Message {
  const envelope = { from, to, term: toTerm(message.term) };
  const body = message.body;
  switch (body?.$case) {
    case 'preVoteRequest':
      return { ...envelope, type: 'pre-vote-request', ...lastEntryOf(body.preVoteRequest) };
    case 'preVoteResponse':
      return { ...envelope, type: 'pre-vote-response', granted: body.preVoteResponse.granted };
    case 'voteRequest': {
      const { leadershipTransfer } = body.voteRequest;
      return { ...envelope, type: 'vote-request', ...lastEntryOf(body.voteRequest), leadershipTransfer };
    }
    case 'voteResponse':
      return { ...envelope, type: 'vote-response', granted: body.voteResponse.granted };
    case 'appendRequest': {
      const request = body.appendRequest;
      return {
        ...envelope,
        type: 'append-request',
        previousIndex: toLogIndex(request.previousIndex),
        previousTerm: toTerm(request.previousTerm),
        entries: request.entries.map((entry, offset) =>
          entryFromWire(entry, request.previousIndex + 1 + offset),
        ),
        commit: toLogIndex(request.commit),
      };
    }
    case 'appendResponse':
      return { ...envelope, type: 'append-response', result: resultFromWire(body.appendResponse.result) };
    case 'heartbeatRequest': {
      const { commit, round } = body.heartbeatRequest;
      return { ...envelope, type: 'heartbeat-request', commit: toLogIndex(commit), round };
    }
    case 'heartbeatResponse':
      return { ...envelope, type: 'heartbeat-response', round: body.heartbeatResponse.round };
    case 'snapshotRequest':
      return {
        ...envelope,
        type: 'snapshot-request',
        snapshot: snapshotFromWire(body.snapshotRequest.snapshot),
      };
    case 'snapshotResponse':
      return {
        ...envelope,
        type: 'snapshot-response',
        matchIndex: toLogIndex(body.snapshotResponse.matchIndex),
      };
    case 'timeoutNow':
      return { ...envelope, type: 'timeout-now' };
    case 'forwardedProposals':
      return { ...envelope, type: 'forwarded-proposals', proposals: body.forwardedProposals.proposals };
    case 'proposalsRefused': {
      const { ids, reason } = body.proposalsRefused;
      return { ...envelope, type: 'proposals-refused', ids, reason: reasonFromWire(reason) };
    }
    case 'forwardedRead':
      return { ...envelope, type: 'forwarded-read', id: body.forwardedRead.id };
    case 'forwardedReadResponse': {
      const { id, index } = body.forwardedReadResponse;
      return { ...envelope, type: 'forwarded-read-response', id, index: toLogIndex(index) };
    }
    case 'forwardedReadRefused': {
      const { id, reason } = body.forwardedReadRefused;
      return { ...envelope, type: 'forwarded-read-refused', id, reason: reasonFromWire(reason) };
    }
    case undefined:
      throw new MalformedFrame('a message has no body that this version knows');
  }
}

function lastEntryOf(request: wire.CampaignRequest) {
  return { lastIndex: toLogIndex(request.lastIndex), lastTerm: toTerm(request.lastTerm) };
}

function entryToWire(entry: Entry): wire.Entry {
  switch (entry.kind) {
    case 'no-op':
      return { term: entry.term, payload: undefined };
    case 'command':
      return { term: entry.term, payload: { $case: 'command', command: entry.data } };
    case 'configuration': {
      const configuration = configurationToWire(entry.configuration);
      return { term: entry.term, payload: { $case: 'configuration', configuration } };
    }
  }
}

function entryFromWire(entry: wire.Entry, position: number): Entry {
  const term = toTerm(entry.term);
  const index = toLogIndex(position);
  switch (entry.payload?.$case) {
    case 'command':
      return { kind: 'command', term, index, data: entry.payload.command };
    case 'configuration': {
      const configuration = configurationFromWire(entry.payload.configuration);
      return { kind: 'configuration', term, index, configuration };
    }
    case undefined:
      return { kind: 'no-op', term, index };
  }
}

type AppendResult = Extract<Message, { type: 'append-response' }>['result'];

function resultToWire(result: AppendResult): wire.AppendResponse['result'] {
  switch (result.kind) {
    case 'matched':
      return { $case: 'matched', matched: { matchIndex: result.matchIndex } };
    case 'rejected': {
      const { previousIndex, hintIndex, hintTerm } = result;
      return { $case: 'rejected', rejected: { previousIndex, hintIndex, hintTerm } };
    }
  }
}

function resultFromWire(result: wire.AppendResponse['result']): AppendResult {
  switch (result?.$case) {
    case 'matched':
      return { kind: 'matched', matchIndex: toLogIndex(result.matched.matchIndex) };
    case 'rejected':
      return {
        kind: 'rejected',
        previousIndex: toLogIndex(result.rejected.previousIndex),
        hintIndex: toLogIndex(result.rejected.hintIndex),
        hintTerm: toTerm(result.rejected.hintTerm),
      };
    case undefined:
      throw new MalformedFrame('an append-response has no result');
  }
}

export function configurationToWire(configuration: Configuration): wire.Configuration {
  const { voters, outgoingVoters, learners, learnersNext, addresses } = configuration;
  return {
    voters: [...voters],
    outgoingVoters: [...outgoingVoters],
    learners: [...learners],
    learnersNext: [...learnersNext],
    addresses: addresses.map(({ id, name, peerUrls, becomesVoter = false }) => {
      return { id, name, peerUrls: [...peerUrls], becomesVoter };
    }),
  };
}

export function configurationFromWire(configuration: wire.Configuration): Configuration {
  const { voters, outgoingVoters, learners, learnersNext, addresses } = configuration;
  return {
    voters: voters.map(toMemberId),
    outgoingVoters: outgoingVoters.map(toMemberId),
    learners: learners.map(toMemberId),
    learnersNext: learnersNext.map(toMemberId),
    addresses: addresses.map(({ id, name, peerUrls, becomesVoter }) => {
      const address = { id: toMemberId(id), name, peerUrls };
      return becomesVoter ? { ...address, becomesVoter } : address;
    }),
  };
}

function snapshotFromWire(snapshot: wire.SnapshotDescription | undefined): SnapshotDescription {
  if (snapshot?.configuration === undefined) {
    throw new MalformedFrame('a snapshot-request does not describe its snapshot');
  }
  return {
    index: toLogIndex(snapshot.index),
    term: toTerm(snapshot.term),
    configuration: configurationFromWire(snapshot.configuration),
  };
}

const reasonNumbers: Readonly<Record<RefusalReason, wire.RefusalReason>> = {
  'no-leader': wire.RefusalReason.REFUSAL_REASON_NO_LEADER,
  'not-leader': wire.RefusalReason.REFUSAL_REASON_NOT_LEADER,
  'uncommitted-limit': wire.RefusalReason.REFUSAL_REASON_UNCOMMITTED_LIMIT,
  'read-limit': wire.RefusalReason.REFUSAL_REASON_READ_LIMIT,
  transferring: wire.RefusalReason.REFUSAL_REASON_TRANSFERRING,
  'configuration-change': wire.RefusalReason.REFUSAL_REASON_CONFIGURATION_CHANGE,
};

const reasonsByNumber: ReadonlyMap<number, RefusalReason> = new Map(
  Object.entries(reasonNumbers).map(([reason, number]) => [number, reason as RefusalReason]),
);

function reasonFromWire(number: number): RefusalReason {
  const reason = reasonsByNumber.get(number);
  if (reason === undefined) throw new MalformedFrame(`a refusal has the unknown reason ${number}`);
  return reason;
}
