export { assert, AssertionError } from './assert.ts';
export type { Configuration, MemberAddress } from './configuration.ts';
export { RaftCore } from './core.ts';
export type { Entry, HardState, SnapshotDescription } from './entry.ts';
export { formatMemberId, noIndex, toLogIndex, toMemberId, toTerm } from './identifiers.ts';
export type { LogIndex, MemberId, MonotonicMs, Term } from './identifiers.ts';
export type { Input, LogRead } from './input.ts';
export { checkState, checkTransition } from './invariants.ts';
export type {
  AppendRequest,
  AppendResponse,
  ForwardedProposals,
  ForwardedRead,
  ForwardedReadRefused,
  ForwardedReadResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  Message,
  PreVoteRequest,
  PreVoteResponse,
  Proposal,
  ProposalsRefused,
  RefusalReason,
  SnapshotRequest,
  SnapshotResponse,
  TimeoutNow,
  VoteRequest,
  VoteResponse,
} from './message.ts';
export type { RaftOptions, ReplicationOptions } from './options.ts';
export type { Output, Persist, RaftEvent, ReadReady, Refusal, Role } from './output.ts';
export { defaultRaftOptions, replicationPreset } from './presets.ts';
export type { ReplicationPresetName, RequiredRaftOptions } from './presets.ts';
export type { LoggedConfiguration, RestoredState, TermRun } from './restored-state.ts';
export { isJoint, isVoter, membersOf, votersOf } from './quorum.ts';
export { cloneState } from './state.ts';
export type { State } from './state.ts';
export type { PeerStatus, RaftStatus } from './status.ts';
