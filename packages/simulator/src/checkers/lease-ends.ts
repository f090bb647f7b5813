import { decodeCommand } from '@quorate/kv';
import type { Input, Output, RaftCore } from '@quorate/raft';
import type { MemberIdentity, RunObserver } from '../cluster/run-observer.ts';

/** How a lease ended, and at which true time the entry that ended it was first known to be committed. */
export type LeaseEnd = { readonly kind: 'expired' | 'revoked'; readonly atUs: number };

/** Notes the ends of leases, as they come out of the log. */
export class LeaseEnds implements RunObserver {
  private readonly nowUs: () => number;
  private readonly ends = new Map<bigint, LeaseEnd>();

  constructor(nowUs: () => number) {
    this.nowUs = nowUs;
  }

  of(id: bigint): LeaseEnd | null {
    return this.ends.get(id) ?? null;
  }

  coreStepped(_member: MemberIdentity, _core: RaftCore, _input: Input, output: Output): void {
    for (const entry of output.entriesToApply) {
      if (entry.kind !== 'command') continue;
      const { body } = decodeCommand(entry.data);
      if (body.$case !== 'leaseRevoke') continue;
      const { id, expiredInTerm } = body.leaseRevoke;
      const counts = expiredInTerm === 0 || expiredInTerm === entry.term;
      // Ids are not used twice, so the first end is the end.
      if (counts && !this.ends.has(id)) {
        this.ends.set(id, { kind: expiredInTerm === 0 ? 'revoked' : 'expired', atUs: this.nowUs() });
      }
    }
  }
}
