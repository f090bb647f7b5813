import type { EngineView } from './engine/engine.ts';
import { KeyHistory } from './key-history.ts';
import type { KeyIndex } from './key-index.ts';
import { decodeHeader } from './record.ts';

/** Fills an empty index with what the records say. */
export function restoreIndex(index: KeyIndex, view: EngineView): void {
  for (const { position, header } of view.headers()) {
    const { key, modRevision, createRevision, version } = decodeHeader(header);
    index.insertOrAppend(key, new KeyHistory(modRevision, createRevision, version, position));
  }
}
