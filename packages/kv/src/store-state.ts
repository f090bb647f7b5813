import type { Fact } from './engine/engine.ts';
import { EngineError } from './engine/engine-error.ts';

/** The counters of a store, committed with every batch. */
export type StoreState = {
  /** The log index of the last entry that is applied. */
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly revision: number;
  readonly compactedRevision: number;
  /** All records that no revision from this one on needs are removed from the engine. */
  readonly removedRevision: number;
  /** One more than the number of records ever written. */
  readonly nextPosition: number;
};

export const initialState: StoreState = {
  appliedIndex: 0,
  appliedTerm: 0,
  revision: 1,
  compactedRevision: 0,
  removedRevision: 0,
  nextPosition: 1,
};

/** The fact that holds the state. A store without it is empty. */
export const stateFactName = 'state';
const formatVersion = 1;
const contentBytes = 4 + 6 * 8;

/** As a fact: the format version (32 bits), then six counters as doubles, all little-endian. */
export function encodeState(state: StoreState): Fact {
  const content = new Uint8Array(contentBytes);
  const view = new DataView(content.buffer);
  view.setUint32(0, formatVersion, true);
  view.setFloat64(4, state.appliedIndex, true);
  view.setFloat64(12, state.appliedTerm, true);
  view.setFloat64(20, state.revision, true);
  view.setFloat64(28, state.compactedRevision, true);
  view.setFloat64(36, state.removedRevision, true);
  view.setFloat64(44, state.nextPosition, true);
  return { name: stateFactName, content };
}

/** Returns the state of an empty store if there is none. Throws an EngineError `newer-format` or `damaged`. */
export function decodeState(facts: readonly Fact[]): StoreState {
  const content = facts.find((fact) => fact.name === stateFactName)?.content;
  if (content === undefined) {
    return initialState;
  }
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const version = content.length >= 4 ? view.getUint32(0, true) : 0;
  if (version > formatVersion) {
    throw new EngineError(
      'newer-format',
      `the store has format ${version}, this release knows ${formatVersion}`,
    );
  }
  if (version !== formatVersion || content.length !== contentBytes) {
    throw new EngineError('damaged', 'the state of the store is not what was written');
  }
  const counter = (offset: number): number => {
    const value = view.getFloat64(offset, true);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new EngineError('damaged', 'the state of the store is not what was written');
    }
    return value;
  };
  return {
    appliedIndex: counter(4),
    appliedTerm: counter(12),
    revision: counter(20),
    compactedRevision: counter(28),
    removedRevision: counter(36),
    nextPosition: counter(44),
  };
}
