import assert from 'node:assert/strict';
import { RangeRequest, type TxnRequest } from '@quorate/protocol';
import fc from 'fast-check';
import { type CommandBody, type CommandResponse, encodeCommand } from '../command.ts';
import type { Engine } from '../engine/engine.ts';
import { MemoryEngine } from '../engine/memory-engine.ts';
import { decodeHeader } from '../record.ts';
import { Store, type StoreOptions } from '../store.ts';
import { StoreError } from '../store-error.ts';
import type { StoreSnapshot } from '../store-snapshot.ts';
import { commandBody, rangeRequest, readOnlyTransaction } from './arbitraries.ts';
import { hex } from './model-keys.ts';
import { ModelStore } from './model-store.ts';
import { asSource, noPause } from './snapshot-source.ts';
import { bytes } from './store-driver.ts';

/** What happens to a store. */
export type Happening =
  | { readonly type: 'commands'; readonly bodies: readonly (CommandBody | null)[] }
  | { readonly type: 'range'; readonly request: RangeRequest }
  | { readonly type: 'read-transaction'; readonly request: TxnRequest }
  | { readonly type: 'remove-compacted'; readonly maxRecords: number }
  /** The store is closed; or its engine is, without the store having handed over what it had applied. */
  | { readonly type: 'reopen'; readonly crash: boolean }
  | { readonly type: 'sync' }
  /** A snapshot is opened. It is read when the next one is opened, or the store is closed. */
  | { readonly type: 'snapshot' }
  /** The store takes over a snapshot of its own, and is none the wiser. */
  | { readonly type: 'install' };

/** Random histories; null among the commands stands for an entry without one. */
export const histories: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .array(
          fc.oneof({ weight: 15, arbitrary: commandBody }, { weight: 1, arbitrary: fc.constant(null) }),
          {
            minLength: 1,
            maxLength: 4,
          },
        )
        .map((bodies) => ({ type: 'commands', bodies }) as const),
    },
    { weight: 6, arbitrary: rangeRequest.map((request) => ({ type: 'range', request }) as const) },
    {
      weight: 2,
      arbitrary: readOnlyTransaction.map((request) => ({ type: 'read-transaction', request }) as const),
    },
    {
      weight: 2,
      arbitrary: fc
        .integer({ min: 1, max: 4 })
        .map((maxRecords) => ({ type: 'remove-compacted', maxRecords }) as const),
    },
    { weight: 1, arbitrary: fc.boolean().map((crash) => ({ type: 'reopen', crash }) as const) },
    { weight: 1, arbitrary: fc.constant({ type: 'sync' } as const) },
    { weight: 1, arbitrary: fc.constant({ type: 'snapshot' } as const) },
    { weight: 1, arbitrary: fc.constant({ type: 'install' } as const) },
  ),
  { maxLength: 30, size: 'max' },
);

export const storeOptions: fc.Arbitrary<StoreOptions> = fc.record({
  commitMaxEntries: fc.integer({ min: 1, max: 8 }),
  commitMaxBytes: fc.constantFrom(1, 1_000_000),
});

/** Opens the engine that keeps what the last one kept. */
export type Reopen = () => Engine;

/** A store and a model that live through the same history, and are compared all the way. */
export class HistoryRun {
  private readonly reopen: Reopen;
  private readonly options: StoreOptions;
  private readonly model = new ModelStore();
  private readonly log: { index: number; term: number; data: Uint8Array | null }[] = [];
  private engine: Engine;
  private store: Store;
  /** An open snapshot, and the digest that the store had when it was opened. */
  private snapshot: { readonly content: StoreSnapshot; readonly digest: string } | null = null;

  constructor(reopen: Reopen, options: StoreOptions) {
    this.reopen = reopen;
    this.options = options;
    this.engine = reopen();
    this.store = Store.open(this.engine, options);
  }

  /** Lives through a history, compares everything at its end, and returns the store's digest. */
  async live(history: readonly Happening[]): Promise<string> {
    try {
      for (const happening of history) {
        await this.happen(happening);
      }
      this.compareAll();
      await this.readSnapshot();
      const digest = this.store.digest();
      this.compareRecords();
      assert.equal(this.store.digest(), digest, 'removing what nobody can read changes nothing');
      return digest;
    } finally {
      this.snapshot?.content.close();
      await this.store.close();
    }
  }

  private async happen(happening: Happening): Promise<void> {
    switch (happening.type) {
      case 'commands':
        this.apply(happening.bodies);
        return;
      case 'range':
        this.compareRead(
          () => this.store.range(happening.request),
          () => this.model.range(happening.request),
        );
        return;
      case 'read-transaction':
        this.compareRead(
          () => this.store.readTransaction(happening.request),
          () => this.model.readTransaction(happening.request),
        );
        return;
      case 'remove-compacted':
        this.store.removeCompacted(happening.maxRecords);
        return;
      case 'reopen':
        await this.restart(happening.crash);
        return;
      case 'sync':
        assert.equal(await this.store.sync(), this.engine.isPersistent ? this.log.length : 0);
        return;
      case 'snapshot':
        await this.readSnapshot();
        this.snapshot = { content: this.store.openSnapshot(), digest: this.store.digest() };
        return;
      case 'install':
        await this.install();
        return;
    }
  }

  /** Whatever happened since the snapshot was opened, it makes a store like the one that it was taken of. */
  private async readSnapshot(): Promise<void> {
    if (this.snapshot === null) return;
    const { content, digest } = this.snapshot;
    const copy = Store.open(new MemoryEngine());
    await copy.install(asSource(content.chunks()), noPause);
    content.close();
    this.snapshot = null;
    assert.equal(copy.digest(), digest);
  }

  private async install(): Promise<void> {
    await this.readSnapshot();
    const digest = this.store.digest();
    const content = this.store.openSnapshot();
    const chunks = [...content.chunks()];
    content.close();
    await this.store.install(asSource(chunks), noPause);
    assert.equal(this.store.digest(), digest);
    assert.equal(this.store.appliedIndex, this.log.length);
    this.compareAll();
  }

  private apply(bodies: readonly (CommandBody | null)[]): void {
    const first = this.log.length;
    const expected: Outcome[] = [];
    for (const [offset, body] of bodies.entries()) {
      const index = first + offset + 1;
      const requestId = { member: 1n, sequence: index };
      this.log.push({ index, term: 1, data: body === null ? null : encodeCommand({ requestId, body }) });
      if (body !== null) expected.push(outcomeOf(() => this.model.execute(body)));
    }
    const results = this.store.apply(this.log.slice(first));
    assert.deepEqual(
      results.map(({ outcome }) => (outcome.ok ? outcome.response : outcome.error.code)),
      expected,
    );
    assert.equal(this.store.appliedIndex, this.log.length);
    assert.equal(this.store.revision, this.model.revision);
    assert.equal(this.store.compactedRevision, this.model.compactedRevision);
  }

  private compareRead(actual: () => object, expected: () => object): void {
    assert.deepEqual(outcomeOf(actual), outcomeOf(expected));
  }

  private async restart(crash: boolean): Promise<void> {
    await this.readSnapshot();
    await (crash ? this.engine.close() : this.store.close());
    this.engine = this.reopen();
    this.store = Store.open(this.engine, this.options);
    assert.ok(this.store.appliedIndex <= this.log.length);
    if (!crash) assert.equal(this.store.appliedIndex, this.log.length);
    // The whole log is offered again: what is applied already must be skipped.
    const missing = this.log.slice(this.store.appliedIndex).filter(({ data }) => data !== null);
    assert.deepEqual(
      this.store.apply(this.log).map(({ index }) => index),
      missing.map(({ index }) => index),
    );
    this.compareAll();
  }

  /** Everything that can be read, at every revision that can be read. */
  private compareAll(): void {
    for (
      let revision = Math.max(1, this.model.compactedRevision);
      revision <= this.model.revision;
      revision++
    ) {
      const request = RangeRequest.create({ key: bytes('\x00'), rangeEnd: bytes('\x00'), revision });
      this.compareRead(
        () => this.store.range(request),
        () => this.model.range(request),
      );
    }
    assert.deepEqual(new Map(this.store.memberAttributes()), this.model.members);
    const leases = [...this.store.leases()].map(({ id, ttlSeconds, remainingMs }) => {
      return [id, { ttlSeconds, remainingMs }] as const;
    });
    assert.deepEqual(new Map(leases), this.model.leases);
    for (const { id, keys } of this.store.leases()) {
      assert.deepEqual([...keys].map((key) => hex(bytes(key))).sort(), this.model.keysOf(id));
    }
  }

  /** When compaction has done its work, the engine holds what is needed, and nothing else. */
  private compareRecords(): void {
    while (!this.store.removeCompacted(2)) {
      assert.equal(this.store.revision, this.model.revision);
    }
    const found = new Set<string>();
    const view = this.engine.openView();
    for (const { header } of view.headers()) {
      const { key, modRevision, version } = decodeHeader(header);
      found.add(`${modRevision} ${hex(bytes(key))}${version === 0 ? ' deleted' : ''}`);
    }
    view.close();
    assert.deepEqual(found, this.model.neededChanges());
  }
}

type Outcome = CommandResponse | object | string;

/** What `work` returns, or the code of the error with which it refuses. Anything else is thrown on. */
function outcomeOf(work: () => object): Outcome {
  try {
    return work();
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
}
