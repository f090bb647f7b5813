import type { Engine, Fact, PositionedRecord } from './engine/engine.ts';
import type { KeyIndex } from './key-index.ts';
import { KeyIndexBuilder } from './key-index-builder.ts';
import { LeaseTable } from './lease-table.ts';
import { decodeHeader, type RecordHeader } from './record.ts';
import { damaged, SnapshotDecoder } from './snapshot-decoder.ts';
import { decodeState, stateFactName } from './store-state.ts';

/**
 * Present from before the first record of the old content goes until the last of the new one is there. An
 * engine that is found with it holds parts of both, and counts as empty.
 */
const markerName = 'installing';

/** How many records one step removes. */
const removalMaxRecords = 500;
/** How many positions are looked up at a time. */
const positionsMax = 2000;

/** What an engine holds, as far as a store has it in memory. */
export type EngineContent = {
  readonly facts: readonly Fact[];
  /** Restored from the facts, with the keys of the records attached. */
  readonly leases: LeaseTable;
  readonly index: KeyIndex;
};

/** Takes everything out of an engine in which an installation was interrupted. */
export function discardPartlyInstalled(engine: Engine): void {
  if (!namesOfFacts(engine).includes(markerName)) return;
  for (const _ of emptyEngine(engine));
  engine.commit({ records: [], removedPositions: [], facts: [], removedFacts: [markerName] });
}

/** Each step of the iteration is one commit. The marker stays. */
function* emptyEngine(engine: Engine): Generator<void, void> {
  const removedFacts = namesOfFacts(engine).filter((name) => name !== markerName);
  const marker = { name: markerName, content: new Uint8Array(0) };
  yield engine.commit({ records: [], removedPositions: [], facts: [marker], removedFacts });
  for (;;) {
    const positions = firstPositions(engine);
    if (positions.length === 0) return;
    for (let at = 0; at < positions.length; at += removalMaxRecords) {
      const removedPositions = positions.slice(at, at + removalMaxRecords);
      yield engine.commit({ records: [], removedPositions, facts: [], removedFacts: [] });
    }
  }
}

/**
 * Replaces all that an engine holds by a snapshot's content. Calls `begun` right before the first change; until
 * then a failure leaves everything as it was. `pause` is awaited between slices of a few milliseconds at most.
 *
 * Each slice is a commit, and the last one makes the whole: an engine that misses the last commits, because of
 * a crash or a power failure, says that it is partly installed, or still has its old content.
 */
export async function installContent(
  engine: Engine,
  source: AsyncIterable<Uint8Array>,
  pause: () => Promise<void>,
  begun: () => void,
): Promise<EngineContent> {
  const decoder = new SnapshotDecoder();
  const builder = new KeyIndexBuilder();
  const leases = new LeaseTable();
  const facts: Fact[] = [];
  for await (const chunk of source) {
    const part = decoder.decode(chunk);
    switch (part.kind) {
      case 'start':
        begun();
        await drain(emptyEngine(engine), pause);
        break;
      case 'facts': {
        const more = part.facts.map(({ name, content }) => ({ name, content: content.slice() }));
        leases.restore(more);
        facts.push(...more);
        break;
      }
      case 'records':
        for (const record of part.records) addRecord(builder, leases, record);
        engine.commit({ records: part.records, removedPositions: [], facts: [], removedFacts: [] });
        break;
      case 'end':
        break;
    }
    await pause();
  }
  decoder.expectEnd();
  if (!facts.some(({ name }) => name === stateFactName)) throw damaged('it has no state');
  decodeState(facts);
  const index = await drain(builder.buildInSteps(), pause);
  engine.commit({ records: [], removedPositions: [], facts, removedFacts: [markerName] });
  return { facts, leases, index };
}

/** Goes through all steps, and returns what the last one made. */
async function drain<Result>(steps: Iterator<void, Result>, pause: () => Promise<void>): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await pause();
  }
}

function namesOfFacts(engine: Engine): readonly string[] {
  const view = engine.openView();
  try {
    return view.facts().map(({ name }) => name);
  } finally {
    view.close();
  }
}

function firstPositions(engine: Engine): readonly number[] {
  const view = engine.openView();
  try {
    const positions: number[] = [];
    for (const { position } of view.headers()) {
      positions.push(position);
      if (positions.length === positionsMax) break;
    }
    return positions;
  } finally {
    view.close();
  }
}

function addRecord(
  builder: KeyIndexBuilder,
  leases: LeaseTable,
  { header, position }: PositionedRecord,
): void {
  const { key, modRevision, createRevision, version, lease } = decode(header);
  if (!builder.add(key, { modRevision, createRevision, version, position })) {
    throw damaged('the versions of a key are in the wrong order');
  }
  leases.attach(key, lease);
}

function decode(header: Uint8Array): RecordHeader {
  try {
    return decodeHeader(header);
  } catch (error) {
    throw damaged('it has a record that cannot be read', error);
  }
}
