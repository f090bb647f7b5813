import type { Entry } from '@quorate/raft';

/** Whether two entries are the same in every respect. Usually they are one object: members share memory. */
export function sameEntry(one: Entry, other: Entry): boolean {
  if (one === other) {
    return true;
  }
  if (one.term !== other.term || one.index !== other.index) {
    return false;
  }
  switch (one.kind) {
    case 'no-op':
      return other.kind === 'no-op';
    case 'command':
      return other.kind === 'command' && Buffer.compare(one.data, other.data) === 0;
    case 'configuration':
      return other.kind === 'configuration' && textOf(one.configuration) === textOf(other.configuration);
  }
}

export function describeEntry(entry: Entry): string {
  const content = entry.kind === 'command' ? ` of ${entry.data.length} bytes` : '';
  return `entry ${entry.index}@${entry.term} (${entry.kind}${content})`;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? inner.toString() : inner,
  );
}
