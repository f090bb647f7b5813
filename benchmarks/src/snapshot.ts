import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { type Engine, MemoryEngine, Store } from '@quorate/kv';
import type { LogIndex, MemberId, SnapshotDescription, Term } from '@quorate/raft';
import { SnapshotDirectory } from '@quorate/storage';
import { NodeFileSystem } from '@quorate/storage/node';
import { choice, integer, readFlags } from './options.ts';
import { describeMachine, table } from './report.ts';
import { PutStream } from './snapshot/put-stream.ts';
import { StallMeter } from './snapshot/stall-meter.ts';

const usage = `Usage: npm run bench:snapshot -- [options]

Measures how long the event loop stands still while a state machine with many keys takes a snapshot, installs one,
and gives back the space of what is compacted, with 16,000 puts a second going on; and how long it takes to open.

  --keys N             keys in the store (default 1000000)
  --value-size BYTES   size of each value (default 256)
  --engine NAME        sqlite, lmdb, memory or all (default all)
  --baseline SECONDS   how long to measure without a snapshot (default 5)
  --json               print one JSON document instead of a table
  --help               print this text`;

const engines = ['sqlite', 'lmdb', 'memory'] as const;
type EngineName = (typeof engines)[number];

type Settings = { readonly keys: number; readonly valueSizeBytes: number; readonly baselineMs: number };

/** One thing that was done to one store. */
type Phase = {
  readonly engine: EngineName;
  readonly phase: string;
  readonly seconds: number;
  readonly longestStallMs: number;
  readonly longestCpuMs: number;
  /** Of a batch of 32 puts; null where there are none. */
  readonly p99PutsMs: number | null;
  readonly sizeBytes: number;
};

async function main(): Promise<void> {
  const values = readFlags(process.argv.slice(2), {
    keys: { type: 'string', default: '1000000' },
    'value-size': { type: 'string', default: '256' },
    engine: { type: 'string', default: 'all' },
    baseline: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const settings: Settings = {
    keys: integer('keys', values.keys, 1, 10_000_000),
    valueSizeBytes: integer('value-size', values['value-size'], 0, 1_048_576),
    baselineMs: integer('baseline', values.baseline, 1, 3600) * 1000,
  };
  const chosen = choice('engine', values.engine, [...engines, 'all']);
  const phases: Phase[] = [];
  for (const engine of chosen === 'all' ? engines : [chosen]) {
    phases.push(...(await measure(engine, settings)));
  }
  if (values.json) {
    console.log(JSON.stringify({ machine: describeMachine(), settings, phases }, null, 2));
  } else {
    console.log(format(phases));
  }
}

async function measure(name: EngineName, settings: Settings): Promise<readonly Phase[]> {
  const { keys, valueSizeBytes, baselineMs } = settings;
  const directory = await mkdtemp(join(tmpdir(), 'quorate-bench-'));
  const meter = new StallMeter();
  const phases: Phase[] = [];
  const engine = await open(name, join(directory, 'state'));
  let store = Store.open(engine);
  let puts: PutStream | null = new PutStream(store, keys, valueSizeBytes);
  const phase = async (what: string, work: () => Promise<void>): Promise<void> => {
    await turn();
    meter.take();
    puts?.takeP99Ms();
    const startedMs = performance.now();
    await work();
    const seconds = (performance.now() - startedMs) / 1000;
    await turn();
    const { longestMs, longestCpuMs } = meter.take();
    const p99PutsMs = puts?.takeP99Ms() ?? null;
    const sizeBytes = store.sizeBytes;
    phases.push({
      engine: name,
      phase: what,
      seconds,
      longestStallMs: longestMs,
      longestCpuMs,
      p99PutsMs,
      sizeBytes,
    });
  };
  try {
    await puts.putAll(keys);
    await store.sync();
    puts.start();
    await phase('puts alone', () => sleep(baselineMs));
    const snapshots = await SnapshotDirectory.open(new NodeFileSystem(), join(directory, 'snapshot'));
    await phase('a snapshot is written', () => writeSnapshot(store, snapshots));
    puts.stop();
    await puts.putAll(keys);
    puts.start();
    await phase('half of it is compacted', async () => {
      puts?.compact();
      while (!store.removeCompacted(256)) await turn();
    });
    await phase('space comes back', () => sleep(baselineMs));
    puts.stop();
    puts = null;
    await phase('the snapshot is installed', async () => {
      const file = (await snapshots.openLatest()) ?? fail('there is no snapshot');
      await store.install(file.content(), () => turn());
      await file.close();
    });
    await store.close();
    if (engine.isPersistent) {
      await phase('the store is opened again', async () => {
        store = Store.open(await open(name, join(directory, 'state')));
      });
      await store.close();
    }
  } finally {
    meter.stop();
    await rm(directory, { recursive: true, force: true });
  }
  return phases;
}

async function open(name: EngineName, directory: string): Promise<Engine> {
  switch (name) {
    case 'memory':
      return new MemoryEngine();
    case 'sqlite': {
      const { SqliteEngine } = await import('@quorate/kv/sqlite');
      return SqliteEngine.open({ directory });
    }
    case 'lmdb': {
      const { LmdbEngine } = await import('@quorate/kv/lmdb');
      return LmdbEngine.open({ directory });
    }
  }
}

async function writeSnapshot(store: Store, directory: SnapshotDirectory): Promise<void> {
  const snapshot = store.openSnapshot();
  const voters = [1n as MemberId];
  const configuration = { voters, outgoingVoters: [], learners: [], learnersNext: [], addresses: [] };
  const index = snapshot.appliedIndex as LogIndex;
  const description: SnapshotDescription = { index, term: 1 as Term, configuration };
  const writer = await directory.create({ clusterId: 1n, description });
  for (const chunk of snapshot.chunks()) {
    await writer.write(chunk);
    await turn();
  }
  await writer.finish();
  snapshot.close();
}

function format(phases: readonly Phase[]): string {
  return table(
    ['engine', 'while', 'seconds', 'longest stall ms', 'of CPU', 'p99 of 32 puts ms', 'MiB afterwards'],
    phases.map((one) => [
      one.engine,
      one.phase,
      one.seconds.toFixed(1),
      one.longestStallMs.toFixed(1),
      one.longestCpuMs.toFixed(1),
      one.p99PutsMs?.toFixed(2) ?? '',
      (one.sizeBytes / 1024 / 1024).toFixed(0),
    ]),
  );
}

function fail(message: string): never {
  throw new Error(message);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? `benchmark: ${error.message}` : error);
  process.exitCode = 1;
});
