import { assert } from './assert.ts';
import type { RaftOptions } from './options.ts';

/** Asserts the relations between options: a core with senseless ones is never created. */
export function checkOptions(options: RaftOptions): void {
  const { replication } = options;
  assert(isCount(options.heartbeatTicks), 'heartbeatTicks is a positive integer');
  assert(
    options.heartbeatTicks * 3 < options.electionTimeoutTicks,
    'heartbeatTicks is less than a third of electionTimeoutTicks',
  );
  assert(isCount(options.electionTimeoutTicks), 'electionTimeoutTicks is a positive integer');
  assert(options.electionTimeoutMs > 0, 'electionTimeoutMs is positive');
  assert(
    options.reads !== 'lease' || options.checkQuorum,
    'lease reads need checkQuorum: without it voters make no promise',
  );
  assert(
    options.leaseDriftPercent >= 0 && options.leaseDriftPercent < 100,
    'leaseDriftPercent is at least 0 and less than 100',
  );
  assert(options.uncommittedMaxBytes > 0, 'uncommittedMaxBytes is positive');
  assert(isCount(options.applyMaxEntries), 'applyMaxEntries is a positive integer');
  assert(options.applyMaxBytes > 0, 'applyMaxBytes is positive');
  assert(options.logCacheMaxBytes >= 0, 'logCacheMaxBytes is not negative');
  assert(isCount(options.pendingReadsMax), 'pendingReadsMax is a positive integer');
  assert(isCount(replication.appendMaxEntries), 'appendMaxEntries is a positive integer');
  assert(replication.appendMaxBytes > 0, 'appendMaxBytes is positive');
  assert(isCount(replication.inflightMaxMessages), 'inflightMaxMessages is a positive integer');
  assert(replication.inflightMaxBytes > 0, 'inflightMaxBytes is positive');
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
