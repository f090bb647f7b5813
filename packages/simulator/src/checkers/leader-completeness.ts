import type { Input, Output, RaftCore } from '@quorate/raft';
import type { RecoveredLog } from '@quorate/storage';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';
import { LogMirror } from './log-mirror.ts';

/**
 * "If a log entry is committed in a given term, then that entry will be present in the logs of the leaders for
 * all higher-numbered terms." (Raft, figure 3 and section 5.4.3) With log matching, looking at the last
 * committed entry is enough. No member, leader or not, may drop an entry that it knew to be committed.
 */
export class LeaderCompleteness implements RunObserver {
  private readonly report: Report;
  private readonly mirrors = new Map<number, LogMirror>();
  private readonly leading = new Map<number, number>();
  private committed = { index: 0, term: 0, knownInTerm: 0, by: '' };

  constructor(report: Report) {
    this.report = report;
  }

  logRecovered(member: MemberIdentity, recovered: RecoveredLog): void {
    this.mirrors.set(member.host, LogMirror.of(recovered));
  }

  processDied(member: MemberIdentity): void {
    this.leading.delete(member.host);
  }

  coreRestored(member: MemberIdentity, core: RaftCore): void {
    this.mirrors.get(member.host)?.restored(core);
  }

  coreStepped(member: MemberIdentity, core: RaftCore, input: Input, output: Output): void {
    const mirror = this.mirrors.get(member.host);
    if (mirror === undefined) {
      return;
    }
    if (input.type === 'snapshot-installed') {
      mirror.reset(input.snapshot.index, input.snapshot.term);
    }
    const { term, commit } = core;
    const leads = core.role === 'leader';
    if (leads && this.leading.get(member.host) !== term && term > this.committed.knownInTerm) {
      this.checkLeader(member, mirror, term);
    }
    this.checkOverwrite(member, mirror, output);
    mirror.append(output.persist?.entries ?? []);
    if (leads) {
      this.leading.set(member.host, term);
    }
    if (commit > this.committed.index) {
      this.committed = {
        index: commit,
        term: mirror.termAt(commit) ?? 0,
        knownInTerm: term,
        by: member.name,
      };
    }
  }

  /** Judged with the log as it was when the election was won: the new leader's own first entry comes behind it. */
  private checkLeader(member: MemberIdentity, mirror: LogMirror, term: number): void {
    const { index, term: committedTerm, by } = this.committed;
    // What is before the log is in a snapshot, which holds only what is committed.
    if (index >= mirror.startIndex && mirror.termAt(index) !== committedTerm) {
      this.report({
        property: 'leader-completeness',
        explanation: `${member.name} leads in term ${term} without entry ${index}@${committedTerm}, which ${by} committed`,
      });
    }
  }

  private checkOverwrite(member: MemberIdentity, mirror: LogMirror, output: Output): void {
    const first = output.persist?.entries[0];
    if (first === undefined || first.index > this.committed.index || first.index > mirror.lastIndex) {
      return;
    }
    for (const entry of output.persist?.entries ?? []) {
      const replaced = mirror.termAt(entry.index);
      if (
        entry.index === this.committed.index &&
        replaced === this.committed.term &&
        entry.term !== replaced
      ) {
        this.report({
          property: 'leader-completeness',
          explanation: `${member.name} overwrites the committed entry ${entry.index}@${replaced} with one of term ${entry.term}`,
        });
      }
    }
  }
}
