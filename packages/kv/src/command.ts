import {
  type AlarmResponse,
  Command,
  type CompactionResponse,
  type DeleteRangeResponse,
  type LeaseGrantResponse,
  type LeaseRevokeResponse,
  type PutResponse,
  type RequestId,
  type TxnResponse,
} from '@quorate/protocol';

/** What a command asks the state machine to do. */
export type CommandBody = NonNullable<Command['body']>;

/** What it answers, by the same case. */
export type CommandResponse =
  | { readonly $case: 'put'; readonly put: PutResponse }
  | { readonly $case: 'deleteRange'; readonly deleteRange: DeleteRangeResponse }
  | { readonly $case: 'txn'; readonly txn: TxnResponse }
  | { readonly $case: 'compaction'; readonly compaction: CompactionResponse }
  | { readonly $case: 'publishMember' }
  | { readonly $case: 'leaseGrant'; readonly leaseGrant: LeaseGrantResponse }
  | { readonly $case: 'leaseRevoke'; readonly leaseRevoke: LeaseRevokeResponse }
  | { readonly $case: 'leaseCheckpoint' }
  /** `lease` was granted, for `ttl` seconds. */
  | {
      readonly $case: 'putWithTtl';
      readonly putWithTtl: PutResponse;
      readonly lease: bigint;
      readonly ttl: number;
    }
  | { readonly $case: 'alarm'; readonly alarm: AlarmResponse };

/** A command as it travels through the log. */
export function encodeCommand(command: {
  readonly requestId: RequestId | undefined;
  readonly body: CommandBody;
}): Uint8Array {
  return Command.encode(command).finish();
}

/** A command out of the log. Its byte fields are views of `data`. */
export type DecodedCommand = { readonly requestId: RequestId | null; readonly body: CommandBody };

/**
 * Throws an Error if `data` is no command that this release knows. To skip such an entry would make members
 * differ, so the caller must stop.
 */
export function decodeCommand(data: Uint8Array): DecodedCommand {
  const { requestId, body } = Command.decode(data);
  if (body === undefined) {
    throw new Error('the log holds a command of a kind that this release does not know');
  }
  return { requestId: requestId ?? null, body };
}
