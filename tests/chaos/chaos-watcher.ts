import { type KeyValue, QuorateError, type WatchBatch } from '@quorate/client';
import type { CallRecord } from './call-history.ts';

/** Watches every key from a revision on. Ends when it is closed. */
export type WatchAll = (startRevision: number) => {
  batches(): AsyncIterable<WatchBatch>;
  close(): Promise<void>;
};

/** The first revision that anything can happen at. */
const firstRevision = 2;

/**
 * Watches every key, so that each revision has something to tell: they must come one after the other, none twice and
 * none missing, whatever is done to members and connections. Compaction may take away what a watcher lacks; then it
 * must say so.
 */
export class ChaosWatcher {
  /** What was told of each change, by key and revision. */
  readonly told = new Map<string, string>();
  /** What is wrong, in words. */
  readonly problems: string[] = [];
  readonly #name: string;
  readonly #watchAll: WatchAll;
  #watch: ReturnType<WatchAll> | null = null;
  #next = firstRevision;
  #stopping = false;

  constructor(number: number, watchAll: WatchAll) {
    this.#name = `watcher ${number}`;
    this.#watchAll = watchAll;
  }

  /** Everything up to this revision was told. */
  get revision(): number {
    return this.#next - 1;
  }

  /** Resolves when it was stopped. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      this.#watch = this.#watchAll(this.#next);
      try {
        for await (const batch of this.#watch.batches()) this.#hear(batch);
      } catch (error) {
        if (!(error instanceof QuorateError)) throw error;
        this.#failed(error);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#watch?.close();
  }

  #hear({ revision, events }: WatchBatch): void {
    if (revision !== this.#next) {
      this.problems.push(`${this.#name} was told revision ${revision} instead of ${this.#next}`);
    }
    this.#next = revision + 1;
    for (const { type, entry, previous } of events) {
      const state = type === 'delete' ? 'deleted' : describe(entry);
      this.told.set(`${entry.keyText()}@${revision}`, state);
      if (previous === null) continue;
      const before = this.told.get(`${previous.keyText()}@${previous.modRevision}`);
      if (before !== undefined && before !== describe(previous)) {
        this.problems.push(
          `${this.#name} was told that ${previous.keyText()} was "${describe(previous)}" before ${revision}, and earlier "${before}"`,
        );
      }
    }
  }

  #failed(error: QuorateError): void {
    if (error.code === 'compacted' && (error.compactedRevision ?? 0) > this.#next) {
      this.#next = error.compactedRevision ?? this.#next;
    } else {
      this.problems.push(`${this.#name} at revision ${this.#next}: ${error.code}: ${error.message}`);
    }
  }
}

/** What speaks against what watchers were told: each other, and what clients were answered. */
export function judgeWatchers(
  watchers: readonly ChaosWatcher[],
  records: readonly CallRecord[],
): string | null {
  const problems = watchers.flatMap((watcher) => watcher.problems);
  const known = new Map<string, string>();
  for (const { operation, result } of records) {
    if (result?.type !== 'range' || operation.type !== 'range' || operation.keysOnly) continue;
    for (const record of result.records)
      known.set(`${record.key}@${record.modRevision}`, describeRecord(record));
  }
  for (const { told } of watchers) {
    for (const [change, state] of told) {
      const other = known.get(change) ?? state;
      if (other !== state) problems.push(`${change} was told as "${state}", and elsewhere as "${other}"`);
      known.set(change, other);
    }
  }
  return problems.length === 0 ? null : problems.slice(0, 10).join('\n');
}

type State = Pick<KeyValue, 'version' | 'createRevision'>;

function describe(entry: KeyValue): string {
  return stateText(entry, Buffer.from(entry.value).toString('latin1'));
}

function describeRecord(record: State & { readonly value: string }): string {
  return stateText(record, record.value);
}

function stateText({ version, createRevision }: State, value: string): string {
  return `${value}, version ${version} since ${createRevision}`;
}
