import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type WatchBatch, WatchEvent } from '@quorate/client';
import type { StoreResult } from '@quorate/simulator';
import type { CallRecord } from './call-history.ts';
import type { ChaosOptions } from './chaos-options.ts';
import { ChaosRun, type ChaosOutcome } from './chaos-run.ts';
import { ChaosWatcher, judgeWatchers } from './chaos-watcher.ts';
import { judge } from './judge.ts';
import { memberName } from './schedule.ts';
import type { StoreAccess } from './store-access.ts';

const options: ChaosOptions = {
  minutes: 1,
  members: 1,
  seed: 1,
  engine: 'memory',
  replication: 'pipelined',
  reads: 'read-index',
  faults: [],
  keep: false,
  dryRun: false,
};

/** A run of a small cluster that is killed once. */
async function runOnce(wrap?: (access: StoreAccess) => StoreAccess): Promise<ChaosOutcome> {
  await using run = await ChaosRun.start(options, () => undefined, wrap);
  assert.equal(run.cluster.member(0).name, memberName(0), 'faults name members as the cluster does');
  return await run.run([{ atMs: 200, kind: 'kill', target: 0, downMs: 0 }]);
}

function problemWith(outcome: ChaosOutcome, property: string): string | null {
  const check = outcome.checks.find((candidate) => candidate.property === property);
  assert(check !== undefined, `${property} is checked`);
  return check.problem;
}

test('an honest store passes every check, and fails as soon as one answer is edited', async () => {
  const { checks, history, figures } = await runOnce();
  assert.deepEqual(
    checks.filter(({ problem }) => problem !== null),
    [],
  );
  assert.equal(figures.killed, 1);
  assert(figures.answered > 30, `${figures.answered} calls were answered`);

  const edited = history.records.map(withForeignValue(history.records));
  assert.match(judge(edited) ?? '', /No order of the operations explains/);
  const lost = withoutPuts(history.records);
  assert.match(judge(lost) ?? '', /No order of the operations explains/);
});

test('a proxy that answers reads from what it remembers is found out', async () => {
  const outcome = await runOnce((access) => {
    const remembered = new Map<string, StoreResult>();
    return async (operation, signal) => {
      const result = await access(operation, signal);
      if (operation.type !== 'range' || operation.revision > 0 || operation.serializable) {
        return result;
      }
      const question = JSON.stringify(operation.range);
      const stale = remembered.get(question) ?? result;
      remembered.set(question, stale);
      return stale;
    };
  });
  assert.match(problemWith(outcome, 'linearizability') ?? '', /No order of the operations explains/);
});

test('a watcher that misses a change, is told one twice, or is told another value is found out', async () => {
  const change = (revision: number, value: string): WatchBatch => {
    const kv = { key: Buffer.from('key'), value: Buffer.from(value), createRevision: 2, lease: 0n };
    const event = new WatchEvent({
      type: 0,
      kv: { ...kv, modRevision: revision, version: revision - 1 },
      prevKv: undefined,
    });
    return { revision, events: [event] };
  };
  const told = async (...batches: readonly WatchBatch[]): Promise<ChaosWatcher> => {
    const watcher: ChaosWatcher = new ChaosWatcher(0, () => ({
      batches: async function* () {
        yield* batches;
        await watcher.stop();
      },
      close: () => Promise.resolve(),
    }));
    await watcher.run();
    return watcher;
  };
  const honest = await told(change(2, 'a'), change(3, 'b'));
  assert.equal(judgeWatchers([honest, honest], []), null);
  const gap = await told(change(3, 'b'));
  assert.match(judgeWatchers([gap], []) ?? '', /revision 3 instead of 2/);
  const twice = await told(change(2, 'a'), change(2, 'a'));
  assert.match(judgeWatchers([twice], []) ?? '', /revision 2 instead of 3/);
  const other = await told(change(2, 'a'), change(3, 'x'));
  assert.match(judgeWatchers([honest, other], []) ?? '', /key@3 was told as "x/);
});

/** Gives the last linearizable read that found something values that nobody wrote. */
function withForeignValue(records: readonly CallRecord[]): (record: CallRecord) => CallRecord {
  const target = records.findLast(
    ({ operation, result }) =>
      operation.type === 'range' &&
      !operation.serializable &&
      operation.limit === 0 &&
      result?.type === 'range' &&
      result.records.length > 0,
  );
  assert(target !== undefined, 'something was read');
  return (record) => {
    if (record !== target || record.result?.type !== 'range') return record;
    const found = record.result.records.map((kv) => ({ ...kv, value: 'written by nobody' }));
    return { ...record, result: { ...record.result, records: found } };
  };
}

/** As if the cluster had forgotten writes: more of them than calls without an answer could stand for. */
function withoutPuts(records: readonly CallRecord[]): readonly CallRecord[] {
  const kept = records.filter(({ result }) => result?.type !== 'put');
  assert(kept.length < records.length, 'something was put');
  return kept;
}
