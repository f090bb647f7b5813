import type { Input, MemberId, Message, Output, RaftCore } from '@quorate/raft';
import type { MemberIdentity, Report, RunObserver } from '../cluster/run-observer.ts';

type Point = { term: number; commit: number; applied: number };

/** What a member says only on the strength of what is on its disk: it binds the member over restarts. */
const BINDING: ReadonlySet<Message['type']> = new Set([
  'vote-request',
  'vote-response',
  'append-request',
  'append-response',
  'heartbeat-request',
]);

/**
 * Within a life, term, commit index and applied index never go back (Raft, figure 2: each "increases
 * monotonically"). Over restarts, the term does not go below one that the member campaigned, voted, led or
 * acknowledged entries in.
 */
export class Monotonicity implements RunObserver {
  private readonly report: Report;
  private readonly points = new Map<number, Point>();
  private readonly boundTerms = new Map<MemberId, number>();

  constructor(report: Report) {
    this.report = report;
  }

  coreRestored(member: MemberIdentity, core: RaftCore): void {
    const point = pointOf(core);
    const bound = this.boundTerms.get(member.id) ?? 0;
    if (point.term < bound) {
      this.report({
        property: 'monotonicity',
        explanation: `${member.name} starts in term ${point.term}, but it has acted in term ${bound}`,
      });
    }
    this.points.set(member.host, point);
  }

  messageSent(message: Message): void {
    if (BINDING.has(message.type) && message.term > (this.boundTerms.get(message.from) ?? 0)) {
      this.boundTerms.set(message.from, message.term);
    }
  }

  coreStepped(member: MemberIdentity, core: RaftCore, _input: Input, _output: Output): void {
    const point = pointOf(core);
    const before = this.points.get(member.host) ?? point;
    for (const name of ['term', 'commit', 'applied'] as const) {
      if (point[name] < before[name]) {
        this.report({
          property: 'monotonicity',
          explanation: `${member.name}: ${name} goes back from ${before[name]} to ${point[name]}`,
        });
      }
    }
    this.points.set(member.host, point);
  }
}

function pointOf(core: RaftCore): Point {
  return { term: core.term, commit: core.commit, applied: core.state.applying.applied };
}
