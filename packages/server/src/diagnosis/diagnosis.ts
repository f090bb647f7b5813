import type { diagnostics } from '@quorate/protocol';
import type { MemberId } from '@quorate/raft';
import { type Call, PeerCallError, type Replica, ReplicaError } from '@quorate/replica';
import type { FileSystem } from '@quorate/storage';
import { probeDisk } from './disk-probe.ts';

export type DiagnosisOptions = {
  readonly member: Pick<Replica, 'status' | 'callPeer' | 'clock'>;
  readonly version: string;
  readonly fileSystem: FileSystem;
  readonly dataDirectory: string;
};

/** How long a peer may take to answer a ping, in milliseconds. */
const pingMaxMs = 2_000;

/**
 * What a member finds out about its disk and its peers. Whoever asks while one is being made gets that one, so that
 * asking does not wear out the disk.
 */
export class Diagnosis {
  private readonly options: DiagnosisOptions;
  private running: Promise<diagnostics.DiagnoseResponse> | null = null;

  constructor(options: DiagnosisOptions) {
    this.options = options;
  }

  /** Never rejects: what cannot be found out is said in the answer. */
  async make(): Promise<diagnostics.DiagnoseResponse> {
    this.running ??= this.examine().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async examine(): Promise<diagnostics.DiagnoseResponse> {
    const { member, version, fileSystem, dataDirectory } = this.options;
    const { memberId, configuration } = member.status();
    const others = configuration.addresses.map(({ id }) => id).filter((id) => id !== memberId);
    const peers = await Promise.all(others.map((id) => this.ping(id)));
    return { memberId, version, disk: await probeDisk(fileSystem, dataDirectory), peers };
  }

  private async ping(id: MemberId): Promise<diagnostics.Peer> {
    const { member } = this.options;
    const { clock } = member;
    const nothing = { memberId: id, problem: '', roundTripUs: 0, clockOffsetUs: 0, version: '' };
    try {
      const startedMs = clock.monotonicMs();
      const startedWallMs = clock.wallMs();
      const call: Call = { deadlineMs: startedMs + pingMaxMs };
      const { wallMs, version } = await member.callPeer(id, { type: 'ping' }, call);
      const roundTripMs = clock.monotonicMs() - startedMs;
      // The answer was made about in the middle of the round trip (Cristian, 1989).
      const clockOffsetMs = wallMs - (startedWallMs + roundTripMs / 2);
      const roundTripUs = Math.round(roundTripMs * 1000);
      return { ...nothing, roundTripUs, clockOffsetUs: Math.round(clockOffsetMs * 1000), version };
    } catch (error) {
      if (!(error instanceof PeerCallError) && !(error instanceof ReplicaError)) throw error;
      return { ...nothing, problem: error.message };
    }
  }
}
