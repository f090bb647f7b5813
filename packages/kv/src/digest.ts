import { createHash } from 'node:crypto';
import type { AlarmMember } from '@quorate/protocol';
import type { Engine } from './engine/engine.ts';
import type { MemberAttributes } from './member-attributes.ts';
import { decodeHeader } from './record.ts';
import type { VersionedMap } from './versioned-map.ts';

/** See Store.digest. Hashes records in the order of their positions, which is the order they were made in. */
export function stateDigest(
  engine: Engine,
  map: VersionedMap,
  members: ReadonlyMap<bigint, MemberAttributes>,
  alarms: readonly AlarmMember[],
): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ revision: map.revision, compactedRevision: map.compactedRevision }));
  const view = engine.openView();
  try {
    for (const { header, value } of view.records()) {
      const { key, modRevision } = decodeHeader(header);
      if (map.index.get(key)?.isNeeded(modRevision, map.compactedRevision) === true) {
        hash.update(`${header.length},${value.length};`).update(header).update(value);
      }
    }
  } finally {
    view.close();
  }
  const sorted = [...members].toSorted(([a], [b]) => (a < b ? -1 : 1));
  hash.update(JSON.stringify(sorted.map(([id, attributes]) => [id.toString(16), attributes])));
  for (const { id, ttlSeconds, remainingMs } of [...map.leases.all()].sort((a, b) =>
    a.id < b.id ? -1 : 1,
  )) {
    hash.update(`lease ${id},${ttlSeconds},${remainingMs};`);
  }
  hash.update(JSON.stringify(alarms.map(({ memberID, alarm }) => [memberID.toString(16), alarm])));
  return hash.digest('hex');
}
