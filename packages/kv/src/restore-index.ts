import type { EngineView } from './engine/engine.ts';
import type { KeyVersion } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import type { Key } from './key-range.ts';
import { decodeHeader } from './record.ts';

/** Builds the index of what the engine holds. */
export function restoreIndex(view: EngineView): KeyIndex {
  return KeyIndex.fromVersions(versionsOf(view));
}

function* versionsOf(view: EngineView): Iterable<{ readonly key: Key; readonly version: KeyVersion }> {
  for (const { position, header } of view.headers()) {
    const { key, modRevision, createRevision, version } = decodeHeader(header);
    yield { key, version: { modRevision, createRevision, version, position } };
  }
}
