import type { EngineBatch, PositionedRecord } from '../engine/engine.ts';

/** A batch of records whose header and value are made of their position. */
export function batchOf(firstPosition: number, count: number, rest: Partial<EngineBatch> = {}): EngineBatch {
  const records = Array.from({ length: count }, (_, index) => recordAt(firstPosition + index));
  return { records, removedPositions: [], facts: [], removedFacts: [], ...rest };
}

/** The record that `batchOf` puts at a position. */
export function recordAt(position: number): PositionedRecord {
  const content = new TextEncoder().encode(`${position}`);
  return { position, header: Uint8Array.of(0, 0xff, ...content), value: Uint8Array.of(...content, 0, 0xff) };
}
