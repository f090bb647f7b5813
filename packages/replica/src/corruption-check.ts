import { type CommandBody, type CommandResponse, EngineError, type Store } from '@quorate/kv';
import { AlarmRequest_AlarmAction as AlarmAction, AlarmType } from '@quorate/protocol';
import type { Configuration, MemberId, MonotonicMs } from '@quorate/raft';
import type { Call } from './call.ts';
import { digestRecords } from './digest-records.ts';
import type { PeerRequest, PeerResponse } from './peer-call.ts';
import type { Clock, Logger } from './ports.ts';

export type CorruptionCheckOptions = {
  readonly memberId: MemberId;
  /** How long to wait between two slices; 0 for never checking. */
  readonly intervalMs: number;
  readonly store: Pick<Store, 'openDigest' | 'nextPosition' | 'alarms'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the member stops: then nothing touches the store any more. */
  readonly stopping: AbortSignal;
  readonly nameOf: (id: MemberId) => string;
  readonly callPeer: (peer: MemberId, request: DigestRequest, call: Call) => Promise<DigestResponse>;
  readonly propose: (body: CommandBody, call: Call) => Promise<CommandResponse>;
};

export type DigestRequest = Extract<PeerRequest, { readonly type: 'digest' }>;
export type DigestResponse = Extract<PeerResponse, { readonly type: 'digest' }>;

/** Some records, and what is right to compare them at. */
type Slice = {
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly compactedRevision: number;
};

/** What a member's records of a slice are; null if it cannot be compared now. */
type Finding = { readonly id: MemberId; readonly checksum: string | null };

/** So much of the store is compared at a time. A few milliseconds of work on each member, in steps of one. */
export const sliceMaxRecords = 1024;
/** How long comparing one slice may take. */
const roundMs = 5_000;

/**
 * Compares what the members store, slice by slice, over and over. The leader computes the checksum of a slice of
 * its records, asks the others for theirs, and raises the alarm CORRUPT for whoever differs from a majority of all
 * members. If there is no such majority although all have answered, nobody knows who is right, and the alarm is
 * raised for the whole cluster.
 *
 * A slice is a range of positions at a compacted revision: its records are the same on all members, however far
 * each has applied the log (see `RecordDigest`). They are read from the engine, so that the check finds what a
 * disk has changed as well as what members have executed differently.
 */
export class CorruptionCheck {
  private readonly options: CorruptionCheckOptions;
  private round: Promise<void> | null = null;
  private nextRoundMs: MonotonicMs = 0;
  private nextPosition = 1;

  constructor(options: CorruptionCheckOptions) {
    this.options = options;
  }

  /** Begins with the next slice if it is time to. Called at each tick, on every member. */
  tick(isLeader: boolean, configuration: Configuration): void {
    const { intervalMs, clock, memberId } = this.options;
    if (!isLeader || intervalMs === 0 || this.round !== null) return;
    if (clock.monotonicMs() < this.nextRoundMs || this.options.stopping.aborted) return;
    const peers = configuration.addresses.map(({ id }) => id).filter((id) => id !== memberId);
    if (peers.length === 0) return;
    this.round = this.checkSlice(peers).finally(() => {
      this.nextRoundMs = clock.monotonicMs() + intervalMs;
      this.round = null;
    });
  }

  private async checkSlice(peers: readonly MemberId[]): Promise<void> {
    const { clock, logger, memberId } = this.options;
    const call = { deadlineMs: clock.monotonicMs() + roundMs, signal: this.options.stopping };
    try {
      const { slice, checksum } = await this.digestNext(call);
      const asked = peers.filter((peer) => !this.isKnownToDiffer(peer));
      const findings = await Promise.all(asked.map((peer) => this.ask(peer, slice, call)));
      await this.judge(slice, [{ id: memberId, checksum }, ...findings], peers.length + 1, call);
    } catch (error) {
      // A failed engine ends the member by itself. All else is tried again.
      if (!(error instanceof EngineError)) logger.debug({ err: error }, 'could not compare records yet');
    }
  }

  private async digestNext(call: Call): Promise<{ slice: Slice; checksum: string }> {
    const { store } = this.options;
    const end = store.nextPosition;
    if (this.nextPosition >= end) this.nextPosition = 1;
    const firstPosition = this.nextPosition;
    const range = { firstPosition, lastPosition: end - 1, throughRevision: Infinity };
    const digest = await digestRecords(this.options, range, sliceMaxRecords, call);
    const { crc, records, compactedRevision } = digest;
    // To the end if there is no more: then records that only others have are in the slice, too.
    const lastPosition = records < sliceMaxRecords ? end - 1 : digest.nextPosition - 1;
    return {
      slice: { firstPosition, lastPosition, compactedRevision },
      checksum: checksumOf({ crc, records }),
    };
  }

  private async ask(peer: MemberId, slice: Slice, call: Call): Promise<Finding> {
    try {
      const { digest } = await this.options.callPeer(peer, { type: 'digest', ...slice }, call);
      return { id: peer, checksum: digest === null ? null : checksumOf(digest) };
    } catch {
      return { id: peer, checksum: null };
    }
  }

  private async judge(
    slice: Slice,
    findings: readonly Finding[],
    memberCount: number,
    call: Call,
  ): Promise<void> {
    const { logger } = this.options;
    const known = findings.filter(({ checksum }) => checksum !== null);
    const groups = [...Map.groupBy(known, ({ checksum }) => checksum).values()];
    if (groups.length <= 1) {
      this.nextPosition = slice.lastPosition + 1;
      return;
    }
    const majority = groups.find((group) => group.length * 2 > memberCount);
    if (majority !== undefined) {
      for (const { id } of known.filter((finding) => !majority.includes(finding))) {
        await this.raise(id, slice, `member ${this.options.nameOf(id)} differs from the majority`, call);
      }
      this.nextPosition = slice.lastPosition + 1;
    } else if (known.length === memberCount) {
      await this.raise(0n, slice, 'the members differ, and none of them has a majority', call);
    } else {
      const parties = groups.map((group) => group.map(({ id }) => this.options.nameOf(id)).join(' and '));
      logger.error(
        slice,
        `the records ${slice.firstPosition} to ${slice.lastPosition} differ between ${parties.join(' and ')}; who is right will be known when the other members can be asked`,
      );
    }
  }

  private async raise(memberID: bigint, slice: Slice, finding: string, call: Call): Promise<void> {
    this.options.logger.error(
      slice,
      `alarm CORRUPT: in the records ${slice.firstPosition} to ${slice.lastPosition} ${finding}`,
    );
    const alarm = { action: AlarmAction.ACTIVATE, alarm: AlarmType.CORRUPT, memberID };
    await this.options.propose({ $case: 'alarm', alarm }, call);
  }

  private isKnownToDiffer(member: MemberId): boolean {
    return this.options.store
      .alarms()
      .some(({ alarm, memberID }) => alarm === AlarmType.CORRUPT && memberID === member);
  }
}

function checksumOf({ crc, records }: { readonly crc: number; readonly records: number }): string {
  return `${records} ${crc}`;
}
