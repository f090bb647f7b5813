import type { CommandBody, CommandResponse, Store } from '@quorate/kv';
import type { MemberId } from '@quorate/raft';
import type { Call } from '../call.ts';
import type { PeerRequest, ResponseTo } from '../peer-call.ts';
import type { Clock, Logger, Random } from '../ports.ts';

/** What leases need of the member that keeps them. */
export interface LeaseHost {
  readonly memberId: MemberId;
  readonly store: Pick<Store, 'lease' | 'leases'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The length of a tick, and how long the members wait for a leader at least, in milliseconds. */
  readonly tickMs: number;
  readonly electionTimeoutMs: number;
  /** The leader that the member follows, which may be itself. */
  leader(): MemberId | null;
  propose(body: CommandBody, call: Call): Promise<CommandResponse>;
  /**
   * The same for what is true only now: the command is proposed at once or never, and after those that were
   * proposed before it. Rejects with `unknown-outcome` if it may be in a log, else it is in none.
   */
  proposeOnce(body: CommandBody, call: Call): Promise<CommandResponse>;
  linearize(call: Call): Promise<void>;
  callPeer<Request extends PeerRequest>(
    peer: MemberId,
    request: Request,
    call: Call,
  ): Promise<ResponseTo<Request>>;
}
