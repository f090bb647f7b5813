import type { Entry, Input, Output, RaftCore } from '@quorate/raft';
import type { RecoveredLog } from '@quorate/storage';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';
import { describeEntry, sameEntry } from './entry-comparison.ts';
import { LogMirror } from './log-mirror.ts';

type Known = { readonly entry: Entry; readonly previousTerm: number };

/**
 * "If two logs contain an entry with the same index and term, then the logs are identical in all entries up
 * through the given index." (Raft, figure 3 and section 5.3)
 *
 * By induction it is enough that index and term together always name the same entry with the same term before
 * it; every entry that any member ever hands to its disk is held against that.
 */
export class LogMatching implements RunObserver {
  private readonly report: Report;
  private readonly known = new Map<number, Known>();
  private readonly mirrors = new Map<number, LogMirror>();

  constructor(report: Report) {
    this.report = report;
  }

  logRecovered(member: MemberIdentity, recovered: RecoveredLog): void {
    const mirror = LogMirror.of(recovered);
    this.mirrors.set(member.host, mirror);
    for (const entry of recovered.entries) {
      this.check(member, entry, mirror.termAt(entry.index - 1) ?? 0);
    }
  }

  coreRestored(member: MemberIdentity, core: RaftCore): void {
    this.mirrors.get(member.host)?.restored(core);
  }

  coreStepped(member: MemberIdentity, _core: RaftCore, input: Input, output: Output): void {
    const entries = output.persist?.entries ?? [];
    const mirror = this.mirrors.get(member.host);
    if (input.type === 'snapshot-installed') {
      mirror?.reset(input.snapshot.index, input.snapshot.term);
    }
    if (entries.length === 0 || mirror === undefined) {
      return;
    }
    mirror.append(entries);
    for (const entry of entries) {
      this.check(member, entry, mirror.termAt(entry.index - 1) ?? 0);
    }
  }

  /** The log as the member handed it to its disk so far. */
  mirrorOf(member: MemberIdentity): LogMirror | null {
    return this.mirrors.get(member.host) ?? null;
  }

  private check(member: MemberIdentity, entry: Entry, previousTerm: number): void {
    const place = entry.term * 0x1_0000_0000 + entry.index;
    const known = this.known.get(place);
    if (known === undefined) {
      this.known.set(place, { entry, previousTerm });
    } else if (known.previousTerm !== previousTerm || !sameEntry(known.entry, entry)) {
      this.report({
        property: 'log-matching',
        explanation: `${member.name} has ${describeEntry(entry)} after term ${previousTerm}, another member has ${describeEntry(known.entry)} after term ${known.previousTerm}`,
      });
    }
  }
}
