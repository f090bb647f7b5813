import type { Fact, PositionedRecord } from './engine/engine.ts';
import type { Key } from './key-range.ts';
import { decodeHeader } from './record.ts';
import { SnapshotDecoder } from './snapshot-decoder.ts';
import { endChunk, type EncodedCounts, factChunks, recordChunks, startChunk } from './snapshot-encoder.ts';
import { decodeState, encodeState, type StoreState } from './store-state.ts';

/** What a snapshot's content is, in figures. */
export type SnapshotSummary = Pick<
  StoreState,
  'appliedIndex' | 'appliedTerm' | 'revision' | 'compactedRevision'
> & {
  /** Keys that exist at its revision. */
  readonly keys: number;
  /** Changes of keys that it holds, older versions and deletions included. */
  readonly records: number;
  readonly leases: number;
};

/** What becomes of a snapshot's content when another cluster begins with it. */
export type Restoration = {
  /** The log entry that the restored state stands for, and its term. */
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  /** By how much the revision is raised, so that it lies beyond any that a client has seen. */
  readonly bumpRevision: number;
  /** Forgets all history: whoever watches from a revision that it saw is told that it is compacted. */
  readonly markCompacted: boolean;
};

/** Reads a whole snapshot's content. Rejects with a SnapshotError, or with what `content` rejects with. */
export async function summarizeSnapshot(content: AsyncIterable<Uint8Array>): Promise<SnapshotSummary> {
  const facts: Fact[] = [];
  const live = new LiveKeys();
  let records = 0;
  await readSnapshot(content, {
    facts: (found) => void facts.push(...found),
    records: (found) => {
      records += found.length;
      live.note(found);
    },
  });
  const { appliedIndex, appliedTerm, revision, compactedRevision } = decodeState(facts);
  const leases = facts.filter(({ name }) => name.startsWith('lease/')).length;
  return { appliedIndex, appliedTerm, revision, compactedRevision, keys: live.count, records, leases };
}

/**
 * The content with which another cluster begins: the same keys and leases, but nothing about the members of the old
 * one. `open` is called twice if history is to be forgotten. Rejects as `summarizeSnapshot` does.
 */
export async function* restoredContent(
  open: () => AsyncIterable<Uint8Array>,
  restoration: Restoration,
): AsyncGenerator<Uint8Array, void> {
  const kept = restoration.markCompacted ? await findLiveKeys(open()) : null;
  const counts: EncodedCounts = { facts: 0, records: 0 };
  const decoder = new SnapshotDecoder();
  yield startChunk();
  for await (const chunk of open()) {
    const part = decoder.decode(chunk);
    if (part.kind === 'facts') {
      yield* factChunks(restoredFacts(part.facts, restoration), counts);
    } else if (part.kind === 'records') {
      yield* recordChunks(kept === null ? part.records : kept.filter(part.records), counts);
    }
  }
  decoder.expectEnd();
  yield endChunk(counts);
}

function restoredFacts(facts: readonly Fact[], restoration: Restoration): readonly Fact[] {
  return facts
    .filter(({ name }) => !name.startsWith('member/') && name !== 'alarms')
    .map((fact) => (fact.name === 'state' ? restoredState(fact, restoration) : fact));
}

function restoredState(fact: Fact, restoration: Restoration): Fact {
  const { appliedIndex, appliedTerm, bumpRevision, markCompacted } = restoration;
  const state = decodeState([fact]);
  const revision = state.revision + bumpRevision;
  const compactedRevision = markCompacted ? revision : state.compactedRevision;
  const removedRevision = compactedRevision;
  return encodeState({ ...state, appliedIndex, appliedTerm, revision, compactedRevision, removedRevision });
}

async function findLiveKeys(content: AsyncIterable<Uint8Array>): Promise<LiveKeys> {
  const live = new LiveKeys();
  await readSnapshot(content, { facts: () => undefined, records: (found) => live.note(found) });
  return live;
}

type SnapshotReader = {
  readonly facts: (facts: readonly Fact[]) => void;
  readonly records: (records: readonly PositionedRecord[]) => void;
};

async function readSnapshot(content: AsyncIterable<Uint8Array>, reader: SnapshotReader): Promise<void> {
  const decoder = new SnapshotDecoder();
  for await (const chunk of content) {
    const part = decoder.decode(chunk);
    // The chunk's memory may be used again; facts are few and kept.
    if (part.kind === 'facts') reader.facts(part.facts.map(copyOf));
    else if (part.kind === 'records') reader.records(part.records);
  }
  decoder.expectEnd();
}

function copyOf({ name, content }: Fact): Fact {
  return { name, content: content.slice() };
}

/** The keys that exist after the latest record, with the position of their newest version. */
class LiveKeys {
  private readonly positions = new Map<Key, number>();

  get count(): number {
    return this.positions.size;
  }

  note(records: readonly PositionedRecord[]): void {
    for (const { position, header } of records) {
      const { key, version } = decodeHeader(header);
      if (version === 0) this.positions.delete(key);
      else this.positions.set(key, position);
    }
  }

  /** Those that are newest versions. */
  filter(records: readonly PositionedRecord[]): readonly PositionedRecord[] {
    return records.filter(
      ({ position, header }) => this.positions.get(decodeHeader(header).key) === position,
    );
  }
}
