import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOptions } from './option-checks.ts';
import type { RaftOptions } from './options.ts';
import { defaultRaftOptions, replicationPreset } from './presets.ts';
import { memberId } from './testing/builders.ts';

const sound = defaultRaftOptions({ id: memberId(1), electionTimeoutMs: 1000, random: () => 0 });

test('the defaults make sense with every preset', () => {
  for (const name of ['vanilla', 'pipelined'] as const) {
    checkOptions({ ...sound, replication: replicationPreset(name) });
  }
});

test('options that do not go together are refused by name', () => {
  const senseless: readonly (readonly [Partial<RaftOptions>, RegExp])[] = [
    [{ heartbeatTicks: 0 }, /heartbeatTicks/],
    [{ heartbeatTicks: 4 }, /less than a third of electionTimeoutTicks/],
    [{ electionTimeoutTicks: 10.5 }, /electionTimeoutTicks/],
    [{ electionTimeoutMs: 0 }, /electionTimeoutMs/],
    [{ reads: 'lease', checkQuorum: false }, /checkQuorum/],
    [{ leaseDriftPercent: 100 }, /leaseDriftPercent/],
    [{ uncommittedMaxBytes: 0 }, /uncommittedMaxBytes/],
    [{ applyMaxEntries: 0 }, /applyMaxEntries/],
    [{ applyMaxBytes: 0 }, /applyMaxBytes/],
    [{ logCacheMaxBytes: -1 }, /logCacheMaxBytes/],
    [{ pendingReadsMax: 0 }, /pendingReadsMax/],
    [{ replication: { ...sound.replication, appendMaxEntries: 0 } }, /appendMaxEntries/],
    [{ replication: { ...sound.replication, appendMaxBytes: 0 } }, /appendMaxBytes/],
    [{ replication: { ...sound.replication, inflightMaxMessages: 0 } }, /inflightMaxMessages/],
    [{ replication: { ...sound.replication, inflightMaxBytes: 0 } }, /inflightMaxBytes/],
  ];
  for (const [options, message] of senseless) {
    assert.throws(() => checkOptions({ ...sound, ...options }), message);
  }
});
