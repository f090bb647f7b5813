import type { Input, MemberId, Message, Output, RaftCore, SnapshotDescription } from '@quorate/raft';
import type { RecoveredLog } from '@quorate/storage';

/** Who a member is, for those who watch it. */
export type MemberIdentity = { readonly host: number; readonly id: MemberId; readonly name: string };

/** What the checkers of a run get to see. Each implements what it needs. */
export interface RunObserver {
  /** A process opened its log; nothing else has happened in its life. */
  logRecovered?(member: MemberIdentity, recovered: RecoveredLog): void;
  /** A process that has no core yet is about to empty its log, because a snapshot holds all of it. */
  logReplacing?(member: MemberIdentity, snapshot: SnapshotDescription): void;
  /** A process restored its core, which has not taken a step yet. */
  coreRestored?(member: MemberIdentity, core: RaftCore): void;
  /** A core took a step; nothing of its output is done yet. */
  coreStepped?(member: MemberIdentity, core: RaftCore, input: Input, output: Output): void;
  /** A message left a member, to be delivered or not. */
  messageSent?(message: Message): void;
  /** A process is gone, by whatever cause. */
  processDied?(member: MemberIdentity): void;
}

/** All observers of a run, sorted by what they want to see: most want little of it, and steps are many. */
export class Audience implements Required<RunObserver> {
  private readonly recovered: readonly RunObserver[];
  private readonly replacing: readonly RunObserver[];
  private readonly restored: readonly RunObserver[];
  private readonly stepped: readonly RunObserver[];
  private readonly sent: readonly RunObserver[];
  private readonly died: readonly RunObserver[];

  constructor(observers: readonly RunObserver[]) {
    this.recovered = observers.filter((observer) => observer.logRecovered !== undefined);
    this.replacing = observers.filter((observer) => observer.logReplacing !== undefined);
    this.restored = observers.filter((observer) => observer.coreRestored !== undefined);
    this.stepped = observers.filter((observer) => observer.coreStepped !== undefined);
    this.sent = observers.filter((observer) => observer.messageSent !== undefined);
    this.died = observers.filter((observer) => observer.processDied !== undefined);
  }

  logRecovered(member: MemberIdentity, recovered: RecoveredLog): void {
    for (const observer of this.recovered) {
      observer.logRecovered?.(member, recovered);
    }
  }

  logReplacing(member: MemberIdentity, snapshot: SnapshotDescription): void {
    for (const observer of this.replacing) {
      observer.logReplacing?.(member, snapshot);
    }
  }

  coreRestored(member: MemberIdentity, core: RaftCore): void {
    for (const observer of this.restored) {
      observer.coreRestored?.(member, core);
    }
  }

  coreStepped(member: MemberIdentity, core: RaftCore, input: Input, output: Output): void {
    for (const observer of this.stepped) {
      observer.coreStepped?.(member, core, input, output);
    }
  }

  messageSent(message: Message): void {
    for (const observer of this.sent) {
      observer.messageSent?.(message);
    }
  }

  processDied(member: MemberIdentity): void {
    for (const observer of this.died) {
      observer.processDied?.(member);
    }
  }
}

/** Something that must never be. */
export type Violation = {
  /** The name of the checker, such as `election-safety`. */
  readonly property: string;
  readonly explanation: string;
};

/** Takes note of a violation. The run ends with the first one, after the event that it happened in. */
export type Report = (violation: Violation) => void;
