import type { Answer, Call, CallRecord } from './call.ts';

/** Who wants to know of acknowledged writes as they happen. */
export type AcknowledgedWrite = { readonly client: number; readonly call: Call; readonly answer: Answer };

/** Collects what the clients of a run saw, on one clock that counts invocations and returns. */
export class HistoryRecorder {
  private readonly collected: CallRecord[] = [];
  private readonly acknowledge: (write: AcknowledgedWrite) => void;
  private now = 0;
  private answeredCount = 0;
  private unknownCount = 0;
  private failedCount = 0;

  /** `acknowledge` is called for each command that was answered, refusals included. */
  constructor(acknowledge: (write: AcknowledgedWrite) => void) {
    this.acknowledge = acknowledge;
  }

  get records(): readonly CallRecord[] {
    return this.collected;
  }

  get count(): number {
    return this.collected.length;
  }

  get counts(): { readonly answered: number; readonly unknown: number; readonly failed: number } {
    return { answered: this.answeredCount, unknown: this.unknownCount, failed: this.failedCount };
  }

  /** The next point of the clock. */
  tick(): number {
    this.now += 1;
    return this.now;
  }

  answered(client: number, call: Call, invoke: number, answer: Answer): void {
    this.answeredCount += 1;
    this.collected.push({ client, call, invoke, return: this.tick(), answer });
    if (call.kind === 'command') {
      this.acknowledge({ client, call, answer });
    }
  }

  /** A read without an answer has told nobody anything: only commands are kept. */
  unknown(client: number, call: Call, invoke: number): void {
    this.unknownCount += 1;
    if (call.kind === 'command') {
      this.collected.push({ client, call, invoke, return: null, answer: null });
    }
  }

  /** The call certainly had no effect; if it had one after all, other calls cannot be explained. */
  failed(): void {
    this.failedCount += 1;
  }
}
