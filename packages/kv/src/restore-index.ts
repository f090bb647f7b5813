import type { EngineView } from './engine/engine.ts';
import type { KeyVersion } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import type { Key } from './key-range.ts';
import type { LeaseTable } from './lease-table.ts';
import { decodeHeader } from './record.ts';

/** Builds the index of what the engine holds, and attaches keys to the leases of their newest versions. */
export function restoreIndex(view: EngineView, leases: LeaseTable): KeyIndex {
  return KeyIndex.fromVersions(versionsOf(view, leases));
}

function* versionsOf(
  view: EngineView,
  leases: LeaseTable,
): Iterable<{ readonly key: Key; readonly version: KeyVersion }> {
  for (const { position, header } of view.headers()) {
    const { key, modRevision, createRevision, version, lease } = decodeHeader(header);
    leases.attach(key, lease);
    yield { key, version: { modRevision, createRevision, version, position } };
  }
}
