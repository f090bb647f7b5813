import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreOperation } from '@quorate/simulator';
import type { CallHistory } from './call-history.ts';
import type { StoreAccess } from './store-access.ts';

const everything = { type: 'from', first: '\0', end: null } as const;
const pauseBetweenAuditsMs = 2_000;

/**
 * Reads each revision that no answered write made: writes without an answer made them, and what such a revision
 * shows tells which. Without that, a history with many unanswered writes cannot be judged, since each of them may
 * have taken effect at any time. The reads are calls of the history like all others.
 *
 * Is also the one who compacts, up to where all is read: nobody else may.
 */
export class Auditor {
  readonly #number: number;
  readonly #access: StoreAccess;
  readonly #history: CallHistory;
  /** Every revision up to this one is claimed or read. */
  #auditedRevision = 1;
  #stopping = false;

  constructor(number: number, access: StoreAccess, history: CallHistory) {
    this.#number = number;
    this.#access = access;
    this.#history = history;
  }

  /** Audits and compacts until it is stopped. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      await sleep(pauseBetweenAuditsMs);
      if ((await this.#audit()) && !this.#stopping) {
        const revision = this.#auditedRevision;
        await this.#call({ type: 'compaction', revision });
      }
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  /** After all clients have stopped: reads what is left. Says whether it could. */
  finish(): Promise<boolean> {
    return this.#audit();
  }

  /** False if a read failed; the next audit goes on where this one stopped. */
  async #audit(): Promise<boolean> {
    const now = await this.#call(readAll(0));
    if (now?.type !== 'range' || now.revision === null) {
      return false;
    }
    for (let revision = this.#auditedRevision + 1; revision <= now.revision; revision += 1) {
      if (!this.#history.isClaimed(revision) && (await this.#call(readAll(revision))) === null) {
        return false;
      }
      this.#auditedRevision = revision;
    }
    return true;
  }

  #call(operation: StoreOperation): ReturnType<CallHistory['call']> {
    return this.#history.call(this.#number, operation, this.#access);
  }
}

/** Every key, as it was at this revision; 0 for now. */
function readAll(revision: number): StoreOperation {
  return {
    type: 'range',
    range: everything,
    limit: 0,
    revision,
    sort: null,
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}
