import assert from 'node:assert/strict';
import type { EngineView } from './engine/engine.ts';
import type { KeyIndex } from './key-index.ts';
import { KeyIndexBuilder } from './key-index-builder.ts';
import type { LeaseTable } from './lease-table.ts';
import { decodeHeader } from './record.ts';

/** Builds the index of what the engine holds, and attaches keys to the leases of their newest versions. */
export function restoreIndex(view: EngineView, leases: LeaseTable): KeyIndex {
  const builder = new KeyIndexBuilder();
  for (const { position, header } of view.headers()) {
    const { key, modRevision, createRevision, version, lease } = decodeHeader(header);
    const isNewer = builder.add(key, { modRevision, createRevision, version, position });
    assert(isNewer, 'the versions of a key come oldest first');
    leases.attach(key, lease);
  }
  return builder.build();
}
