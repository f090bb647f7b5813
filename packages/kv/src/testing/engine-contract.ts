import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { Engine, EngineView } from '../engine/engine.ts';
import { EngineError, type EngineErrorCode } from '../engine/engine-error.ts';
import { batchOf, recordAt } from './engine-batches.ts';

/** An implementation to be tested. */
export type EngineUnderTest = {
  readonly name: string;
  readonly isPersistent: boolean;
  /** Opens what the directory holds. An engine in memory ignores the directory and opens an empty one. */
  open(directory: string): Engine;
};

/** Runs `work` with an empty directory, which is gone afterwards. */
export async function withDirectory(work: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'quorate-engine-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function assertEngineError(work: () => unknown, code: EngineErrorCode): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

function fact(name: string, ...content: number[]): { name: string; content: Uint8Array } {
  return { name, content: Uint8Array.from(content) };
}

function contentOf(view: EngineView): { facts: unknown; positions: number[] } {
  const positions: number[] = [];
  for (const { position, header, value } of view.records()) {
    assert.deepEqual({ position, header, value }, recordAt(position));
    positions.push(position);
  }
  const facts = view.facts().map(({ name, content }) => [name, [...content]]);
  return { facts: Object.fromEntries(facts as [string, number[]][]), positions };
}

function look(engine: Engine): { facts: unknown; positions: number[] } {
  const view = engine.openView();
  try {
    return contentOf(view);
  } finally {
    view.close();
  }
}

/** Kills a process that commits, and returns the last position that it reported. */
async function commitUntilKilled(engine: string, directory: string): Promise<number> {
  const root = path.join(import.meta.dirname, '..', '..', '..', '..');
  const script = path.join(root, 'packages/kv/src/testing/commit-until-killed.ts');
  const child = spawn(process.execPath, ['--conditions=quorate-source', script, engine, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for await (const part of child.stdout.setEncoding('utf8')) {
    output += part;
    if (output.length > 500) child.kill('SIGKILL');
  }
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  return Number(output.split('\n').at(-2));
}

/** Tests what every engine must do, whatever it is made of. */
export function engineContract(subject: EngineUnderTest): void {
  const withEngine = (work: (engine: Engine, directory: string) => Promise<void> | void): Promise<void> =>
    withDirectory(async (directory) => {
      const engine = subject.open(directory);
      try {
        await work(engine, directory);
      } finally {
        await engine.close();
      }
    });

  describe(`the ${subject.name} engine`, () => {
    commitTests(withEngine);
    viewTests(withEngine);
    test('says whether it is persistent', () =>
      withEngine((engine) => {
        assert.equal(engine.isPersistent, subject.isPersistent);
      }));
    if (subject.isPersistent) {
      persistenceTests(subject);
    }
  });
}

type WithEngine = (work: (engine: Engine, directory: string) => Promise<void> | void) => Promise<void>;

function commitTests(withEngine: WithEngine): void {
  test('is empty at first', () =>
    withEngine((engine) => {
      assert.deepEqual(look(engine).positions, []);
      assert.equal(engine.read(1), null);
    }));

  test('reads what was committed, by position and in order', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 3));
      engine.commit(batchOf(4, 300));
      assert.deepEqual(
        look(engine).positions,
        Array.from({ length: 303 }, (_, index) => index + 1),
      );
      const record = engine.read(200);
      assert.ok(record !== null);
      assert.deepEqual(record.header, recordAt(200).header);
      assert.deepEqual(record.value, recordAt(200).value);
      assert.equal(engine.read(304), null);
    }));

  test('keeps empty and large values', () =>
    withEngine((engine) => {
      const large = new Uint8Array(3 * 1024 * 1024).map((_, index) => index);
      const header = Uint8Array.of(1);
      const records = [
        { position: 1, header, value: new Uint8Array(0) },
        { position: 2, header: large, value: large },
      ];
      engine.commit(batchOf(1, 0, { records }));
      assert.equal(engine.read(1)?.value.length, 0);
      assert.deepEqual(engine.read(2)?.value, engine.read(2)?.header);
      assert.equal(Buffer.compare(engine.read(2)?.value ?? header, large), 0);
    }));

  test("does not keep the caller's buffers", () =>
    withEngine((engine) => {
      const shared = Uint8Array.of(1, 2, 3);
      const records = [{ position: 1, header: shared.subarray(0, 1), value: shared.subarray(1) }];
      engine.commit(batchOf(1, 0, { records, facts: [fact('a', 1)] }));
      shared.fill(9);
      assert.deepEqual(engine.read(1)?.value ?? shared, Uint8Array.of(2, 3));
      assert.deepEqual(engine.read(1)?.header ?? shared, Uint8Array.of(1));
    }));

  test('replaces facts by their name', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 0, { facts: [fact('a', 1), fact('b'), fact('member/1', 0, 255)] }));
      engine.commit(batchOf(1, 0, { facts: [fact('a', 2, 3)] }));
      const { facts } = look(engine);
      assert.deepEqual(facts, { a: [2, 3], b: [], 'member/1': [0, 255] });
    }));

  test('removes facts by their name, and is content if they are not there', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 0, { facts: [fact('a', 1), fact('b', 2)] }));
      engine.commit(batchOf(1, 0, { facts: [fact('c', 3)], removedFacts: ['a', 'z'] }));
      assert.deepEqual(look(engine).facts, { b: [2], c: [3] });
    }));

  test('takes records with gaps between their positions', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 0, { records: [3, 4, 9, 5000].map(recordAt) }));
      engine.commit(batchOf(5001, 1));
      assert.deepEqual(look(engine).positions, [3, 4, 9, 5000, 5001]);
      assert.notEqual(engine.read(9), null);
      assert.equal(engine.read(5), null);
    }));

  test('is as good as new when all records are removed: lower positions come again', () =>
    withEngine((engine) => {
      engine.commit(batchOf(100, 3000));
      const removedPositions = Array.from({ length: 3000 }, (_, index) => 100 + index);
      engine.commit(batchOf(3100, 0, { removedPositions }));
      assert.deepEqual(look(engine).positions, []);
      engine.commit(batchOf(1, 0, { records: [2, 7].map(recordAt) }));
      assert.deepEqual(look(engine).positions, [2, 7]);
    }));

  test('removes records, also those that the same batch brings, and is content if they are not there', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 5));
      engine.commit(batchOf(6, 2, { removedPositions: [1, 3, 7, 99] }));
      engine.commit(batchOf(8, 1, { removedPositions: [3] }));
      assert.deepEqual(look(engine).positions, [2, 4, 5, 6, 8]);
      assert.equal(engine.read(3), null);
      assert.equal(engine.read(7), null);
      assert.notEqual(engine.read(4), null);
    }));

  test('reads some records from a position on', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 3000, { removedPositions: [5, 1500] }));
      const positions = (from: number, max: number): number[] =>
        engine.readFrom(from, max).map(({ position, header, value }) => {
          assert.deepEqual({ position, header, value }, recordAt(position));
          return position;
        });
      assert.deepEqual(positions(1, 6), [1, 2, 3, 4, 6, 7]);
      assert.deepEqual(positions(1023, 3), [1023, 1024, 1025]);
      assert.deepEqual(positions(1500, 2), [1501, 1502]);
      assert.deepEqual(positions(2999, 10), [2999, 3000]);
      assert.deepEqual(positions(3001, 10), []);
      assert.equal(positions(1, 5000).length, 2998);
      engine.commit(batchOf(3001, 1));
      assert.deepEqual(positions(3000, 10), [3000, 3001]);
    }));

  test('tells how much it takes', () =>
    withEngine((engine) => {
      const value = new Uint8Array(1000);
      const before = engine.size();
      const records = Array.from({ length: 1000 }, (_, index) => ({
        position: index + 1,
        header: value.subarray(0, 10),
        value,
      }));
      engine.commit(batchOf(1, 0, { records }));
      const after = engine.size();
      assert.ok(after.totalBytes >= before.totalBytes + 1_000_000);
      assert.ok(after.inUseBytes >= 1_000_000 && after.inUseBytes <= after.totalBytes);
      const removedPositions = Array.from({ length: 1000 }, (_, index) => index + 1);
      engine.commit(batchOf(1001, 0, { removedPositions }));
      assert.ok(engine.size().inUseBytes < 500_000);
    }));

  test('syncs, which makes no fact', () =>
    withEngine(async (engine) => {
      engine.commit(batchOf(1, 3));
      await engine.sync();
      assert.deepEqual(look(engine).facts, {});
      engine.commit(batchOf(4, 1));
      assert.deepEqual(look(engine).positions, [1, 2, 3, 4]);
    }));
}

function viewTests(withEngine: WithEngine): void {
  test('a view stays as it is while commits go on', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 4, { facts: [fact('a', 1)] }));
      const view = engine.openView();
      engine.commit(batchOf(5, 2, { removedPositions: [2], facts: [fact('a', 2), fact('b', 1)] }));
      const { facts, positions } = contentOf(view);
      assert.deepEqual(positions, [1, 2, 3, 4]);
      assert.deepEqual(facts, { a: [1] });
      view.close();
      assert.deepEqual(look(engine).positions, [1, 3, 4, 5, 6]);
    }));

  test('a view may be walked over slowly, more than once, and together with others', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 4));
      const first = engine.openView();
      const seen: number[] = [];
      let next = 5;
      for (const { position } of first.headers()) {
        seen.push(position);
        engine.commit(batchOf(next, 1, { removedPositions: [position + 1] }));
        next += 1;
      }
      assert.deepEqual(seen, [1, 2, 3, 4]);
      const second = engine.openView();
      assert.deepEqual(contentOf(first).positions, [1, 2, 3, 4]);
      assert.deepEqual(contentOf(second).positions, [1, 6, 7, 8]);
      first.close();
      second.close();
    }));

  test('a view may be left in the middle', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 100));
      const view = engine.openView();
      for (const { position } of view.records()) {
        if (position === 50) break;
      }
      view.close();
      engine.commit(batchOf(101, 1));
      assert.equal(look(engine).positions.length, 101);
    }));

  test('headers come with the positions of their records', () =>
    withEngine((engine) => {
      engine.commit(batchOf(1, 3, { removedPositions: [2] }));
      const view = engine.openView();
      const headers = [...view.headers()].map(({ position, header }) => [position, header]);
      view.close();
      assert.deepEqual(headers, [
        [1, recordAt(1).header],
        [3, recordAt(3).header],
      ]);
    }));
}

function persistenceTests(subject: EngineUnderTest): void {
  test('keeps everything when it is closed and opened', () =>
    withDirectory(async (directory) => {
      const first = subject.open(directory);
      first.commit(batchOf(1, 50, { facts: [fact('a', 1)] }));
      first.commit(batchOf(51, 1, { removedPositions: [7] }));
      await first.close();
      const second = subject.open(directory);
      const { facts, positions } = look(second);
      assert.equal(positions.length, 50);
      assert.equal(positions.includes(7), false);
      assert.deepEqual(facts, { a: [1] });
      second.commit(batchOf(52, 1));
      await second.close();
      const third = subject.open(directory);
      assert.equal(look(third).positions.at(-1), 52);
      await third.close();
    }));

  test('keeps what was committed when the process is killed, in whole batches', () =>
    withDirectory(async (directory) => {
      const reported = await commitUntilKilled(subject.name, directory);
      const engine = subject.open(directory);
      const { facts, positions } = look(engine);
      const last = positions.at(-1) ?? 0;
      assert.ok(last >= reported && last % 3 === 0, `${reported} reported, ${last} found`);
      assert.deepEqual(
        positions,
        Array.from({ length: last }, (_, index) => index + 1),
      );
      assert.deepEqual(facts, { last: [...new TextEncoder().encode(`${last}`)] });
      await engine.close();
    }));

  test('makes its directory, and those above it', () =>
    withDirectory(async (directory) => {
      const engine = subject.open(path.join(directory, 'a', 'b', 'c'));
      engine.commit(batchOf(1, 1));
      await engine.close();
    }));

  test('a directory that cannot be is a clear error', () =>
    withDirectory((directory) => {
      const file = path.join(directory, 'file');
      writeFileSync(file, '');
      assertEngineError(() => subject.open(path.join(file, 'below')), 'not-writable');
      assertEngineError(() => subject.open(file), 'not-writable');
    }));
}
