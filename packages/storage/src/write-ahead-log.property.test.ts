import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Entry, LogIndex, MemberId, SnapshotDescription, Term } from '@quorate/raft';
import fc from 'fast-check';
import type { LogWrite } from './append-rules.ts';
import {
  appendStates,
  assertReads,
  assertRecovered,
  emptyModel,
  type LogModel,
  lastIndexOf,
  modelAfterClose,
  modelAfterRemoval,
  termIn,
} from './testing/log-model.ts';
import { type DiskFault, MemoryDisk } from './testing/memory-disk.ts';
import { MemoryFileSystem } from './testing/memory-file-system.ts';
import { seededRandom } from './testing/seeded-random.ts';
import { StorageError } from './storage-error.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

type Random = ReturnType<typeof seededRandom>;

/**
 * One thing that happens to the log. Its details are drawn from `seed` and fitted to what the log holds, so
 * that any list of actions makes sense and fast-check can shorten it.
 */
type Action = {
  readonly kind: 'append' | 'commit' | 'remove' | 'read' | 'close' | 'kill' | 'power-loss';
  readonly seed: number;
  /** A fault at one of the disk operations of this action, and of the start that follows it. */
  readonly fault: DiskFault | null;
  readonly faultAfter: number;
  readonly faultAgain: boolean;
};

const failures: readonly DiskFault[] = [
  { kind: 'fail', code: 'EIO' },
  { kind: 'fail', code: 'ENOSPC' },
  { kind: 'process-death' },
  { kind: 'power-loss' },
];

const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.record({
    kind: fc.oneof(
      { arbitrary: fc.constant('append' as const), weight: 12 },
      { arbitrary: fc.constantFrom('commit' as const, 'remove' as const, 'read' as const), weight: 4 },
      { arbitrary: fc.constantFrom('close' as const, 'kill' as const, 'power-loss' as const), weight: 2 },
    ),
    seed: fc.nat(),
    fault: fc.oneof(
      { arbitrary: fc.constant(null), weight: 4 },
      { arbitrary: fc.constantFrom(...failures), weight: 1 },
    ),
    faultAfter: fc.nat({ max: 12 }),
    faultAgain: fc.boolean(),
  }),
  { maxLength: 40, size: 'max' },
);

/** The log under test, beside what it must hold. */
class Harness {
  readonly disk: MemoryDisk;
  model: LogModel = emptyModel;
  log: WriteAheadLog | null = null;
  fileSystem: MemoryFileSystem;
  /** States that a crash may have left, while it is not known which. */
  #candidates: readonly LogModel[] = [emptyModel];
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.disk = new MemoryDisk({ random: this.#random, tearBytes: 64 });
    this.fileSystem = new MemoryFileSystem(this.disk);
  }

  async start(): Promise<void> {
    await this.fileSystem.makeDirectory('/log');
    await this.fileSystem.syncDirectory('/');
    await this.open();
  }

  /** The process may have died while nobody waited: a spare segment is prepared in the background. */
  async ensureAlive(): Promise<void> {
    this.disk.fault = null;
    if (!this.fileSystem.isAlive) await this.#restart();
  }

  async run(action: Action): Promise<void> {
    await this.ensureAlive();
    this.#arm(action);
    const random = seededRandom(action.seed);
    switch (action.kind) {
      case 'append':
        return this.#append(drawWrites(this.model, random));
      case 'commit': {
        const commit = between(random, this.model.commitHint, lastIndexOf(this.model)) as LogIndex;
        const { term, vote } = this.model.hardState;
        return this.#append([{ hardState: { term, vote, commit }, entries: [], sync: false }]);
      }
      case 'remove':
        return this.#remove(drawRemoval(this.model, random));
      case 'read':
        return this.#read(random);
      case 'close':
        return this.#close();
      case 'kill':
        this.disk.killProcesses();
        return this.#restart();
      case 'power-loss':
        this.disk.losePower();
        return this.#restart();
      default:
        return action.kind satisfies never;
    }
  }

  /** Opens until it succeeds, and finds out which of the possible states the log was left in. */
  async open(): Promise<void> {
    for (;;) {
      try {
        this.log = await WriteAheadLog.open({
          fileSystem: this.fileSystem,
          directory: '/log',
          random: this.#random,
          segmentMaxBytes: 4096,
          recoveredCacheMaxBytes: between(this.#random, 0, 8000),
        });
        break;
      } catch (error) {
        assert(isDiskFault(error), String(error));
        assert.equal(this.fileSystem.openFiles, 0, 'a failed start leaves no file open');
        this.fileSystem = new MemoryFileSystem(this.disk);
      }
    }
    this.disk.fault = null;
    await this.#settleState(this.log);
  }

  async #settleState(log: WriteAheadLog): Promise<void> {
    for (const [at, candidate] of this.#candidates.entries()) {
      try {
        await assertRecovered(log, candidate);
        this.model = { ...candidate, commitHint: candidate.hardState.commit };
        this.#candidates = [this.model];
        return;
      } catch (error) {
        if (at === this.#candidates.length - 1) throw error;
      }
    }
  }

  async #append(writes: readonly LogWrite[]): Promise<void> {
    const states = appendStates(this.model, writes);
    await this.#attempt(states, (log) => log.append(writes));
  }

  async #remove(removal: Removal | null): Promise<void> {
    if (removal === null) return;
    const after = modelAfterRemoval(this.model, removal.index, removal.snapshot);
    await this.#attempt([this.model, after], (log) => log.removeThrough(removal.index, removal.snapshot));
  }

  async #read(random: Random): Promise<void> {
    this.disk.fault = null;
    const { log, model } = this;
    assert(log !== null);
    if (model.entries.length === 0) return;
    const first = between(random, model.firstIndex, lastIndexOf(model));
    const last = between(random, first, lastIndexOf(model));
    const maxBytes = between(random, 0, 3000);
    const entries = await log.read(first as LogIndex, last as LogIndex, maxBytes);
    const expected = model.entries.slice(first - model.firstIndex, last + 1 - model.firstIndex);
    assert(entries.length >= 1);
    assert.deepEqual(entries, expected.slice(0, entries.length));
    if (maxBytes > 0 && !entries.some((entry) => entry.kind === 'configuration')) {
      const sizes = entries.map((entry) => (entry.kind === 'command' ? entry.data.length : 0));
      const sum = sizes.reduce((total, size) => total + size, 0);
      assert(sum - (sizes.at(-1) ?? 0) < maxBytes, 'more was read than asked for');
      assert(sum >= maxBytes || entries.length === expected.length, 'less was read than asked for');
    }
  }

  async #close(): Promise<void> {
    const { log, model, fileSystem } = this;
    assert(log !== null);
    const closed = modelAfterClose(model);
    try {
      await log.close();
      this.#candidates = [closed];
    } catch (error) {
      assert(isDiskFault(error), String(error));
      this.#candidates = [model, closed];
    }
    assert.equal(fileSystem.openFiles, 0, 'a closed log leaves no file open');
    await this.#restart();
  }

  /** Does something to the log; if a fault gets in its way, starts again from what the disk holds. */
  async #attempt(states: readonly LogModel[], work: (log: WriteAheadLog) => Promise<void>): Promise<void> {
    const { log } = this;
    assert(log !== null);
    this.#candidates = states;
    try {
      await work(log);
      this.model = states.at(-1) ?? this.model;
      this.#candidates = [this.model];
    } catch (error) {
      assert(isDiskFault(error), String(error));
      await assert.rejects(log.append([]), (again) => again === error, 'a failed log stays failed');
      this.log = null;
      await log.close();
      await this.#restart();
    }
  }

  async #restart(): Promise<void> {
    this.log = null;
    this.fileSystem = new MemoryFileSystem(this.disk);
    await this.open();
  }

  #arm({ fault, faultAfter, faultAgain }: Action): void {
    let at = this.disk.operations + 1 + faultAfter;
    let left = faultAgain ? 2 : 1;
    this.disk.fault = (operation) => {
      if (fault === null || left === 0 || operation.number < at) return null;
      // Only what changes the disk fails: a read that fails is an error like any other.
      if (operation.kind === 'read' || operation.kind === 'open' || operation.kind === 'list') return null;
      left -= 1;
      at = operation.number + 1 + faultAfter;
      return fault;
    };
  }
}

function isDiskFault(error: unknown): boolean {
  return error instanceof StorageError && (error.code === 'disk-failed' || error.code === 'disk-full');
}

/** An integer from `low` to `high`, both included; `low` if they are crossed. */
function between(random: Random, low: number, high: number): number {
  return low + random.integer(Math.max(high - low + 1, 1));
}

function drawWrites(before: LogModel, random: Random): readonly LogWrite[] {
  const writes: LogWrite[] = [];
  let model = before;
  for (let count = between(random, 1, 3); count > 0; count -= 1) {
    const write = drawWrite(model, random);
    writes.push(write);
    model = appendStates(model, [write]).at(-1) ?? model;
  }
  return writes;
}

function drawWrite(model: LogModel, random: Random): LogWrite {
  const { term: oldTerm, vote: oldVote } = model.hardState;
  const newTerm = oldTerm === 0 || random.integer(4) === 0;
  const term = (newTerm ? oldTerm + 1 : oldTerm) as Term;
  const voter = BigInt(between(random, 1, 3)) as MemberId;
  const vote = newTerm || oldVote === null ? (random.integer(3) === 0 ? null : voter) : oldVote;
  const entries = drawEntries(model, term, random);
  const lastIndex = entries.at(-1)?.index ?? lastIndexOf(model);
  const commit = (
    random.integer(2) === 0 ? model.commitHint : between(random, model.commitHint, lastIndex)
  ) as LogIndex;
  return { hardState: { term, vote, commit }, entries, sync: true };
}

function drawEntries(model: LogModel, term: Term, random: Random): readonly Entry[] {
  const last = lastIndexOf(model);
  const lowest = Math.max(model.commitHint, model.firstIndex - 1) + 1;
  const first = random.integer(4) === 0 ? between(random, lowest, last + 1) : last + 1;
  return Array.from({ length: between(random, 0, 6) }, (_, at) =>
    drawEntry((first + at) as LogIndex, term, random),
  );
}

function drawEntry(index: LogIndex, term: Term, random: Random): Entry {
  switch (random.integer(12)) {
    case 0:
      return { kind: 'no-op', term, index };
    case 1:
      return { kind: 'configuration', term, index, configuration: drawConfiguration(random) };
    case 2:
      return { kind: 'command', term, index, data: drawBytes(random, 6000) };
    default:
      return { kind: 'command', term, index, data: drawBytes(random, 300) };
  }
}

function drawBytes(random: Random, maxLength: number): Uint8Array {
  // Many zeros, so that torn and untouched bytes look alike as often as possible.
  const bytes = new Uint8Array(random.integer(maxLength));
  for (let at = 0; at < bytes.length; at += 1 + random.integer(20)) bytes[at] = random.integer(256);
  return bytes;
}

function drawConfiguration(random: Random): Configuration {
  const ids = [1n, 2n, 3n].slice(0, between(random, 1, 3)) as MemberId[];
  return {
    voters: ids,
    outgoingVoters: random.integer(2) === 0 ? [] : ids,
    learners: [],
    learnersNext: [],
    addresses: ids.map((id) => ({ id, name: `m${id}`, peerUrls: [`http://127.0.0.1:${2380 + Number(id)}`] })),
  };
}

type Removal = { readonly index: LogIndex; readonly snapshot: SnapshotDescription };

function drawRemoval(model: LogModel, random: Random): Removal | null {
  const configuration = drawConfiguration(random);
  const describe = (index: number, term: number): SnapshotDescription => ({
    index: index as LogIndex,
    term: term as Term,
    configuration,
  });
  if (random.integer(4) === 0) {
    // A leader's snapshot replaces the log: it is beyond the log, or contradicts an entry of it.
    const index = between(random, model.commitHint + 1, lastIndexOf(model) + 5);
    const term = termIn(model, index) === 1 ? 2 : 1;
    return { index: index as LogIndex, snapshot: describe(index, term) };
  }
  const oldest = Math.max(model.snapshot?.index ?? 0, model.firstIndex - 1);
  if (model.commitHint < oldest) return null;
  const through = between(random, oldest, model.commitHint);
  const term = termIn(model, through);
  if (term === null) return null;
  const index = between(random, model.firstIndex - 1, through);
  return { index: index as LogIndex, snapshot: describe(through, term) };
}

test('whatever happens, every acknowledged write survives and nothing else appears', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), actions, async (seed, list) => {
      const harness = new Harness(seed);
      await harness.start();
      for (const action of list) await harness.run(action);
      await harness.ensureAlive();
      const { log } = harness;
      assert(log !== null);
      await assertReads(log, harness.model);
      await log.close();
    }),
    { numRuns: Number(process.env['QUORATE_PROPERTY_RUNS'] ?? 600) },
  );
});
