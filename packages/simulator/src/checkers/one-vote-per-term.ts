import { formatMemberId, type MemberId, type Message } from '@quorate/raft';
import type { Report, RunObserver } from '../cluster/run-observer.ts';

/**
 * A member votes for at most one candidate in a term, over all its lives (Raft, section 5.2). What leaves a
 * member counts: a vote that is granted, or a request for votes, which says that it voted for itself.
 */
export class OneVotePerTerm implements RunObserver {
  private readonly report: Report;
  private readonly votes = new Map<string, MemberId>();

  constructor(report: Report) {
    this.report = report;
  }

  messageSent(message: Message): void {
    if (message.type === 'vote-request') {
      this.count(message.from, message.term, message.from);
    } else if (message.type === 'vote-response' && message.granted) {
      this.count(message.from, message.term, message.to);
    }
  }

  private count(voter: MemberId, term: number, candidate: MemberId): void {
    const vote = `${voter}@${term}`;
    const known = this.votes.get(vote);
    if (known === undefined) {
      this.votes.set(vote, candidate);
    } else if (known !== candidate) {
      this.report({
        property: 'one-vote-per-term',
        explanation: `n${formatMemberId(voter)} voted for n${formatMemberId(known)} and n${formatMemberId(candidate)} in term ${term}`,
      });
    }
  }
}
