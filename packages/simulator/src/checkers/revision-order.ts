import type { Report } from '../cluster/run-observer.ts';

/**
 * Revisions grow with the log: the state machine has the same revision at the same applied index on every
 * member, in every life, and it never goes back as the index grows. Each revision belongs to one command.
 */
export class RevisionOrder {
  private readonly report: Report;
  /** The revision at an applied index, as the first member that stood there had it. */
  private readonly revisions = new Map<number, number>();
  private readonly owners = new Map<number, string>();

  constructor(report: Report) {
    this.report = report;
  }

  /** A member's state machine stands at this applied index. */
  observe(who: string, appliedIndex: number, revision: number): void {
    const known = this.revisions.get(appliedIndex);
    if (known === undefined) {
      this.revisions.set(appliedIndex, revision);
    } else if (known !== revision) {
      this.report({
        property: 'revision-order',
        explanation: `${who} is at revision ${revision} when entry ${appliedIndex} is applied, another member was at ${known}`,
      });
    }
  }

  /** A command that changed the store was answered with this revision. */
  acknowledged(command: string, revision: number): void {
    const owner = this.owners.get(revision);
    if (owner !== undefined && owner !== command) {
      this.report({
        property: 'revision-order',
        explanation: `revision ${revision} was given to ${owner} and to ${command}`,
      });
    }
    this.owners.set(revision, command);
  }

  /** At the end of a run, when all indexes are known: no gap, and never back. */
  finish(): void {
    let last = { index: 0, revision: 1 };
    for (const [index, revision] of [...this.revisions].toSorted(([one], [other]) => one - other)) {
      const steps = index - last.index;
      if (revision < last.revision || revision > last.revision + steps) {
        this.report({
          property: 'revision-order',
          explanation: `revision ${last.revision} after entry ${last.index} is followed by ${revision} after entry ${index}`,
        });
      }
      last = { index, revision };
    }
  }
}
