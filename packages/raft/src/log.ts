import { assert } from './assert.ts';
import type { Entry, SnapshotDescription } from './entry.ts';
import { type LogIndex, noIndex, offsetIndex, type Term } from './identifiers.ts';
import type { TermRun } from './restored-state.ts';

/**
 * The log, as the core remembers it: the newest entries, and the terms of all. Entries that left memory are
 * still in the caller's storage; only their bytes must be asked for, never their terms, so no decision of
 * the protocol waits for the disk.
 */
export type Log = {
  /** The first entry in storage. Everything before is in a snapshot. */
  firstIndex: LogIndex;
  /** The term of the entry before `firstIndex`, 0 at the very start, or null if it was not kept. */
  previousTerm: Term | null;
  /** The last entry; `firstIndex` - 1 while the log is empty. */
  lastIndex: LogIndex;
  /** Ascending in both fields; the first one starts at `firstIndex`. Terms never decrease along a log. */
  readonly termRuns: TermRun[];
  /** The newest entries: contiguous, ending at `lastIndex`. */
  readonly cache: Entry[];
  /** The sum of `entryBytes` over `cache`. */
  cacheBytes: number;
};

/** What an entry costs beside its data, in memory and on the wire, roughly. */
const ENTRY_OVERHEAD_BYTES = 32;
const ADDRESS_BYTES = 256;

/** The size of an entry, as caches and windows count it. */
export function entryBytes(entry: Entry): number {
  switch (entry.kind) {
    case 'command':
      return entry.data.byteLength + ENTRY_OVERHEAD_BYTES;
    case 'configuration':
      return entry.configuration.addresses.length * ADDRESS_BYTES + ENTRY_OVERHEAD_BYTES;
    case 'no-op':
      return ENTRY_OVERHEAD_BYTES;
  }
}

export function totalBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) {
    bytes += entryBytes(entry);
  }
  return bytes;
}

/** The bytes of a client's command in it: what counts against the limit of uncommitted bytes. */
export function dataBytes(entry: Entry): number {
  return entry.kind === 'command' ? entry.data.byteLength : 0;
}

export function totalDataBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) {
    bytes += dataBytes(entry);
  }
  return bytes;
}

/** The term of the entry at `index`, or null if the log has no such entry (yet, or any more). */
export function termAt(log: Log, index: LogIndex): Term | null {
  if (index > log.lastIndex || index < log.firstIndex) {
    return index === log.firstIndex - 1 ? log.previousTerm : null;
  }
  return log.termRuns[runAt(log, index)]?.term ?? null;
}

/** The term of the last entry (Raft, figure 2: lastLogTerm). */
export function lastTerm(log: Log): Term {
  const last = log.termRuns.at(-1);
  const term = last === undefined ? log.previousTerm : last.term;
  assert(term !== null, 'an empty log knows the term that it follows');
  return term;
}

/** Whether a log that ends so is at least as up-to-date as this one (Raft, section 5.4.1). */
export function isUpToDate(log: Log, candidateLastTerm: Term, candidateLastIndex: LogIndex): boolean {
  const ownTerm = lastTerm(log);
  return (
    candidateLastTerm > ownTerm || (candidateLastTerm === ownTerm && candidateLastIndex >= log.lastIndex)
  );
}

/**
 * The last index, no higher than `index`, whose entry has a term of at most `term`; 0 if the log knows none.
 * Both sides of the conflict hint search with it (end of section 5.3).
 */
export function lastIndexWithTermAtMost(log: Log, index: LogIndex, term: Term): LogIndex {
  const from = index < log.lastIndex ? index : log.lastIndex;
  if (from >= log.firstIndex) {
    let last = from;
    for (let run = runAt(log, from); run >= 0; run -= 1) {
      const candidate = log.termRuns[run];
      assert(candidate !== undefined, 'term runs cover the log');
      if (candidate.term <= term) {
        return last;
      }
      last = offsetIndex(candidate.firstIndex, -1);
    }
  }
  const previous = offsetIndex(log.firstIndex, -1);
  return previous <= index && log.previousTerm !== null && log.previousTerm <= term ? previous : noIndex;
}

export function firstCachedIndex(log: Log): LogIndex {
  return offsetIndex(log.lastIndex, 1 - log.cache.length);
}

/**
 * Up to `maxEntries` entries from `first` through `last`, stopping before the one that would exceed
 * `maxBytes` (but never before the first). Null if `first` has left memory.
 */
export function cachedEntries(
  log: Log,
  first: LogIndex,
  last: LogIndex,
  maxEntries: number,
  maxBytes: number,
): readonly Entry[] | null {
  const start = first - firstCachedIndex(log);
  if (start < 0) {
    return null;
  }
  const limit = Math.min(last - first + 1, maxEntries, log.cache.length - start);
  let bytes = 0;
  let count = 0;
  for (; count < limit; count += 1) {
    const entry = log.cache[start + count];
    assert(entry !== undefined, 'the cache has no holes');
    bytes += entryBytes(entry);
    if (bytes > maxBytes && count > 0) {
      break;
    }
  }
  return log.cache.slice(start, start + count);
}

/** Appends entries that follow the last one. Their terms never decrease. */
export function extendLog(log: Log, entries: readonly Entry[]): void {
  let term = log.termRuns.at(-1)?.term ?? log.previousTerm ?? 0;
  for (const entry of entries) {
    assert(entry.index === log.lastIndex + 1, 'an appended entry follows the last one');
    assert(entry.term >= term, 'terms never decrease along a log');
    if (entry.term !== term || log.termRuns.length === 0) {
      log.termRuns.push({ term: entry.term, firstIndex: entry.index });
      term = entry.term;
    }
    log.cache.push(entry);
    log.cacheBytes += entryBytes(entry);
    log.lastIndex = entry.index;
  }
}

/** Removes everything from `from` on. The caller has made sure that none of it is committed. */
export function truncateLog(log: Log, from: LogIndex): void {
  assert(from >= log.firstIndex, 'a truncation stays within the log');
  const keep = Math.max(0, from - firstCachedIndex(log));
  for (const entry of log.cache.splice(keep)) {
    log.cacheBytes -= entryBytes(entry);
  }
  while ((log.termRuns.at(-1)?.firstIndex ?? 0) >= from) {
    log.termRuns.pop();
  }
  log.lastIndex = offsetIndex(from, -1);
}

/**
 * Forgets the bytes of the oldest cached entries, no further than `through`, when the cache has outgrown
 * `maxBytes`. Frees an eighth more than it must, so that the cost of moving the rest is spread out.
 */
export function evictFromCache(log: Log, through: LogIndex, maxBytes: number): void {
  if (log.cacheBytes <= maxBytes) {
    return;
  }
  const target = maxBytes - maxBytes / 8;
  const evictable = through - firstCachedIndex(log) + 1;
  let count = 0;
  for (; count < evictable && log.cacheBytes > target; count += 1) {
    const entry = log.cache[count];
    assert(entry !== undefined, 'the cache has no holes');
    log.cacheBytes -= entryBytes(entry);
  }
  log.cache.splice(0, count);
}

/** The entries up to `through` have left storage: a snapshot holds them. */
export function removeLogPrefix(log: Log, through: LogIndex): void {
  if (through < log.firstIndex) {
    return;
  }
  assert(through <= log.lastIndex, 'compaction stays within the log');
  const term = termAt(log, through);
  const cached = through - firstCachedIndex(log) + 1;
  if (cached > 0) {
    for (const entry of log.cache.splice(0, cached)) {
      log.cacheBytes -= entryBytes(entry);
    }
  }
  const keepFrom = offsetIndex(through, 1);
  const run = runAt(log, through);
  log.termRuns.splice(0, run);
  const first = log.termRuns[0];
  const second = log.termRuns[1];
  assert(first !== undefined, 'term runs cover the log');
  if (keepFrom > log.lastIndex || second?.firstIndex === keepFrom) {
    log.termRuns.shift();
  } else {
    log.termRuns[0] = { term: first.term, firstIndex: keepFrom };
  }
  log.previousTerm = term;
  log.firstIndex = keepFrom;
}

/** Replaces the whole log by a snapshot: it is empty and starts after it. */
export function resetLog(log: Log, snapshot: SnapshotDescription): void {
  log.firstIndex = offsetIndex(snapshot.index, 1);
  log.previousTerm = snapshot.term;
  log.lastIndex = snapshot.index;
  log.termRuns.length = 0;
  log.cache.length = 0;
  log.cacheBytes = 0;
}

/** The position in `termRuns` of the run that holds `index`, which is in the log. The newest are asked for most. */
function runAt(log: Log, index: LogIndex): number {
  let high = log.termRuns.length - 1;
  if ((log.termRuns[high]?.firstIndex ?? 0) <= index) {
    return high;
  }
  let low = 0;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((log.termRuns[middle]?.firstIndex ?? 0) <= index) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
