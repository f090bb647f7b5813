import type { Report } from '../cluster/run-observer.ts';

/**
 * No command is applied twice. A member proposes a command again when the leader it went to is gone, and must
 * be certain then that the first attempt is in no log.
 */
export class AtMostOnce {
  private readonly report: Report;
  private readonly applied = new Map<string, number>();

  constructor(report: Report) {
    this.report = report;
  }

  /** The log has a command of this request at this index. */
  observe(requestId: { readonly member: bigint; readonly sequence: number }, index: number): void {
    const request = `request ${requestId.sequence} of n${requestId.member}`;
    const known = this.applied.get(request);
    if (known === undefined) {
      this.applied.set(request, index);
    } else if (known !== index) {
      this.report({
        property: 'at-most-once',
        explanation: `${request} is applied at ${known} and at ${index}`,
      });
    }
  }
}
