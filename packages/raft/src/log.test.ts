import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from './entry.ts';
import {
  cachedEntries,
  entryBytes,
  evictFromCache,
  extendLog,
  firstCachedIndex,
  isUpToDate,
  lastIndexWithTermAtMost,
  lastTerm,
  type Log,
  removeLogPrefix,
  resetLog,
  termAt,
  totalBytes,
  truncateLog,
} from './log.ts';
import { command, configuration, index, term } from './testing/builders.ts';

describe('the log', () => {
  test('knows the term of every entry, and serves the cached ones, whatever happened to it', () => {
    const operations = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('append' as const), count: fc.nat(4), newTerm: fc.boolean() }),
        fc.record({ kind: fc.constant('truncate' as const), keep: fc.nat(20) }),
        fc.record({ kind: fc.constant('evict' as const), bytes: fc.nat(200) }),
        fc.record({ kind: fc.constant('compact' as const), count: fc.nat(5) }),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(operations, (steps) => {
        const log = emptyLog();
        const model = new NaiveLog();
        for (const step of steps) {
          switch (step.kind) {
            case 'append':
              extendLog(log, model.append(step.count, step.newTerm));
              break;
            case 'truncate':
              if (model.truncate(step.keep)) {
                truncateLog(log, index(log.firstIndex + step.keep));
              }
              break;
            case 'evict':
              evictFromCache(log, log.lastIndex, step.bytes);
              assert(log.cacheBytes <= step.bytes);
              break;
            case 'compact':
              if (model.compact(step.count)) {
                removeLogPrefix(log, index(log.firstIndex + step.count - 1));
              }
              break;
          }
          model.compare(log);
        }
      }),
    );
  });

  test('hands out entries up to the byte limit, but never none', () => {
    const log = logOf([1, 1, 1]);
    const size = entryBytes(command(1, 1));
    const count = (maxBytes: number): number | undefined =>
      cachedEntries(log, index(1), index(3), 10, maxBytes)?.length;
    assert.equal(count(2 * size), 2);
    assert.equal(count(2 * size - 1), 1);
    assert.equal(count(0), 1);
    assert.equal(cachedEntries(log, index(1), index(3), 2, 1000)?.length, 2);
  });

  test('says so when the first entry asked for has left memory', () => {
    const log = logOf([1, 1, 1]);
    evictFromCache(log, index(2), 0);
    assert.equal(cachedEntries(log, index(2), index(3), 10, 1000), null);
    assert.deepEqual(cachedEntries(log, index(3), index(3), 10, 1000), [command(3, 1)]);
    assert.equal(termAt(log, index(1)), 1);
  });

  test('keeps what may not be evicted, however large', () => {
    const log = logOf([1, 1, 1]);
    evictFromCache(log, index(1), 0);
    assert.equal(firstCachedIndex(log), 2);
  });

  test('is up-to-date by the last term first, and by length only then (section 5.4.1)', () => {
    const log = logOf([1, 2, 2]);
    assert.equal(isUpToDate(log, term(3), index(1)), true);
    assert.equal(isUpToDate(log, term(2), index(3)), true);
    assert.equal(isUpToDate(log, term(2), index(2)), false);
    assert.equal(isUpToDate(log, term(1), index(9)), false);
  });

  test('continues after a snapshot', () => {
    const log = logOf([1, 1, 2]);
    resetLog(log, { index: index(7), term: term(3), configuration: configuration({ voters: [1] }) });
    assert.deepEqual([log.firstIndex, log.lastIndex, lastTerm(log)], [8, 7, 3]);
    assert.equal(termAt(log, index(7)), 3);
    assert.equal(termAt(log, index(3)), null);
    extendLog(log, [command(8, 4)]);
    assert.equal(lastTerm(log), 4);
  });

  test('refuses holes and terms that go back', () => {
    const log = logOf([1, 2]);
    assert.throws(() => extendLog(log, [command(4, 2)]), /follows the last one/);
    assert.throws(() => extendLog(log, [command(3, 1)]), /never decrease/);
  });
});

describe('the conflict hint (end of section 5.3)', () => {
  test('is the last entry of at most the given term', () => {
    const log = logOf([1, 1, 4, 4, 5, 5, 6]);
    const last = (at: number, ofTerm: number): number =>
      lastIndexWithTermAtMost(log, index(at), term(ofTerm));
    assert.equal(last(7, 6), 7);
    assert.equal(last(7, 5), 6);
    assert.equal(last(7, 3), 2);
    assert.equal(last(3, 9), 3);
    assert.equal(last(99, 4), 4);
    assert.equal(last(7, 0), 0);
  });

  test('may be the entry before a compacted log, and is nothing below', () => {
    const log = logOf([1, 2, 3, 3]);
    removeLogPrefix(log, index(2));
    assert.equal(lastIndexWithTermAtMost(log, index(4), term(2)), 2);
    assert.equal(lastIndexWithTermAtMost(log, index(4), term(1)), 0);
    assert.equal(lastIndexWithTermAtMost(log, index(1), term(9)), 0);
  });
});

function emptyLog(): Log {
  return {
    firstIndex: index(1),
    previousTerm: term(0),
    lastIndex: index(0),
    termRuns: [],
    cache: [],
    cacheBytes: 0,
  };
}

function logOf(terms: readonly number[]): Log {
  const log = emptyLog();
  extendLog(
    log,
    terms.map((ofTerm, position) => command(position + 1, ofTerm)),
  );
  return log;
}

/** A log that remembers everything and has no clever representation. */
class NaiveLog {
  #entries: Entry[] = [];
  #firstIndex = 1;
  #previousTerm = 0;
  #term = 1;

  append(count: number, newTerm: boolean): Entry[] {
    this.#term += newTerm ? 1 : 0;
    const next = this.#firstIndex + this.#entries.length;
    const added = Array.from({ length: count }, (_, position) => command(next + position, this.#term));
    this.#entries.push(...added);
    return added;
  }

  truncate(keep: number): boolean {
    if (keep >= this.#entries.length) {
      return false;
    }
    this.#entries.length = keep;
    return true;
  }

  compact(count: number): boolean {
    if (count === 0 || count > this.#entries.length) {
      return false;
    }
    this.#previousTerm = this.#entries[count - 1]?.term ?? 0;
    this.#entries.splice(0, count);
    this.#firstIndex += count;
    return true;
  }

  compare(log: Log): void {
    assert.equal(log.firstIndex, this.#firstIndex);
    assert.equal(log.lastIndex, this.#firstIndex + this.#entries.length - 1);
    assert.equal(termAt(log, index(this.#firstIndex - 1)), this.#previousTerm);
    assert.equal(termAt(log, index(log.lastIndex + 1)), null);
    for (const entry of this.#entries) {
      assert.equal(termAt(log, entry.index), entry.term);
    }
    const cached = this.#entries.slice(firstCachedIndex(log) - this.#firstIndex);
    assert.deepEqual(log.cache, cached);
    assert.equal(log.cacheBytes, totalBytes(cached));
  }
}
