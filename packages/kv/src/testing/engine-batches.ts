import type { EngineBatch } from '../engine/engine.ts';

/** A batch of records whose header and value are made of their position. */
export function batchOf(firstPosition: number, count: number, rest: Partial<EngineBatch> = {}): EngineBatch {
  const records = Array.from({ length: count }, (_, index) => recordAt(firstPosition + index));
  return { firstPosition, records, removedPositions: [], facts: [], ...rest };
}

/** The record that `batchOf` puts at a position. */
export function recordAt(position: number): { header: Uint8Array; value: Uint8Array } {
  const content = new TextEncoder().encode(`${position}`);
  return { header: Uint8Array.of(0, 0xff, ...content), value: Uint8Array.of(...content, 0, 0xff) };
}
