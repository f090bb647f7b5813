import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { FileSystem } from '../file-system.ts';

/** A file system to try, and an existing, empty directory in it. */
export type FileSystemUnderTest = {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** Another process's view of the same disk, or the same view if this implementation cannot tell. */
  readonly other: FileSystem;
  readonly tearDown: () => Promise<void>;
};

/** What every `FileSystem` must do while nothing fails. */
export function testFileSystem(name: string, setUp: () => Promise<FileSystemUnderTest>): void {
  describe(`${name} as a file system`, async () => {
    const { fileSystem, directory, other, tearDown } = await setUp();
    after(tearDown);
    const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

    test('reads back what was written, and fewer bytes only at the end', async () => {
      const file = await fileSystem.open(`${directory}/written`, 'create');
      await file.write(bytes(1, 2, 3, 4, 5), 0);
      await file.write(bytes(9), 1);
      assert.equal(await file.size(), 5);
      const target = new Uint8Array(4);
      assert.equal(await file.read(target, 0), 4);
      assert.deepEqual(target, bytes(1, 9, 3, 4));
      assert.equal(await file.read(target, 3), 2);
      assert.deepEqual(target.subarray(0, 2), bytes(4, 5));
      assert.equal(await file.read(target, 5), 0);
      assert.equal(await file.read(target, 50), 0);
      await file.sync();
      await file.close();
    });

    test('a write beyond the end fills the gap with zeros', async () => {
      const file = await fileSystem.open(`${directory}/gap`, 'create');
      await file.write(bytes(7), 3);
      const target = new Uint8Array(8).fill(1);
      assert.equal(await file.read(target, 0), 4);
      assert.deepEqual(target.subarray(0, 4), bytes(0, 0, 0, 7));
      await file.close();
    });

    test('writes from a part of a buffer, and reads into one', async () => {
      const file = await fileSystem.open(`${directory}/part`, 'create');
      await file.write(bytes(0, 1, 2, 3, 0).subarray(1, 4), 0);
      const target = new Uint8Array(5);
      assert.equal(await file.read(target.subarray(1, 4), 0), 3);
      assert.deepEqual(target, bytes(0, 1, 2, 3, 0));
      await file.close();
    });

    test('every open file sees the same bytes', async () => {
      const writer = await fileSystem.open(`${directory}/shared`, 'create');
      const reader = await fileSystem.open(`${directory}/shared`, 'read');
      const again = await fileSystem.open(`${directory}/shared`, 'write');
      await writer.write(bytes(1, 2), 0);
      await again.write(bytes(3), 1);
      const target = new Uint8Array(2);
      await reader.read(target, 0);
      assert.deepEqual(target, bytes(1, 3));
      for (const file of [writer, reader, again]) await file.close();
    });

    test('a file opened for reading refuses writes', async () => {
      await (await fileSystem.open(`${directory}/read-only`, 'create')).close();
      const file = await fileSystem.open(`${directory}/read-only`, 'read');
      await assert.rejects(file.write(bytes(1), 0), { code: 'EBADF' });
      await file.close();
    });

    test('opens only what exists, and creates only what does not', async () => {
      await assert.rejects(fileSystem.open(`${directory}/absent`, 'read'), { code: 'ENOENT' });
      await assert.rejects(fileSystem.open(`${directory}/absent`, 'write'), { code: 'ENOENT' });
      await assert.rejects(fileSystem.open(`${directory}/absent/file`, 'create'), { code: 'ENOENT' });
      await (await fileSystem.open(`${directory}/present`, 'create')).close();
      await assert.rejects(fileSystem.open(`${directory}/present`, 'create'), { code: 'EEXIST' });
    });

    test('makes directories once, and lists what is in them', async () => {
      assert.equal(await fileSystem.makeDirectory(`${directory}/folder`), true);
      assert.equal(await fileSystem.makeDirectory(`${directory}/folder`), false);
      await assert.rejects(fileSystem.makeDirectory(`${directory}/no/parent`), { code: 'ENOENT' });
      await (await fileSystem.open(`${directory}/folder/b`, 'create')).close();
      await (await fileSystem.open(`${directory}/folder/a`, 'create')).close();
      assert.deepEqual([...(await fileSystem.list(`${directory}/folder`))].sort(), ['a', 'b']);
      await fileSystem.syncDirectory(`${directory}/folder`);
      await assert.rejects(fileSystem.list(`${directory}/nowhere`), { code: 'ENOENT' });
      await assert.rejects(fileSystem.makeDirectory(`${directory}/folder/a`), { code: 'EEXIST' });
    });

    test('a rename replaces the target, and files that are open follow their bytes', async () => {
      const from = await fileSystem.open(`${directory}/from`, 'create');
      await from.write(bytes(1), 0);
      const to = await fileSystem.open(`${directory}/to`, 'create');
      await to.write(bytes(2), 0);
      await fileSystem.rename(`${directory}/from`, `${directory}/to`);
      await from.write(bytes(3), 0);
      const target = new Uint8Array(1);
      await to.read(target, 0);
      assert.deepEqual(target, bytes(2));
      const found = await fileSystem.open(`${directory}/to`, 'read');
      await found.read(target, 0);
      assert.deepEqual(target, bytes(3));
      await assert.rejects(fileSystem.open(`${directory}/from`, 'read'), { code: 'ENOENT' });
      await assert.rejects(fileSystem.rename(`${directory}/from`, `${directory}/to`), { code: 'ENOENT' });
      for (const file of [from, to, found]) await file.close();
    });

    test('a removed file stays readable where it is open', async () => {
      const file = await fileSystem.open(`${directory}/removed`, 'create');
      await file.write(bytes(5), 0);
      await fileSystem.remove(`${directory}/removed`);
      const target = new Uint8Array(1);
      assert.equal(await file.read(target, 0), 1);
      assert.deepEqual(target, bytes(5));
      await file.close();
      await assert.rejects(fileSystem.remove(`${directory}/removed`), { code: 'ENOENT' });
    });

    test('a lock is held once, by whoever asked first, until it is released', async () => {
      const path = `${directory}/lock`;
      const results = await Promise.all([fileSystem.lock(path), other.lock(path)]);
      assert.deepEqual(results.map((result) => result.kind).sort(), ['acquired', 'held']);
      for (const asking of [fileSystem, other]) assert.equal((await asking.lock(path)).kind, 'held');
      for (const result of results) if (result.kind === 'acquired') await result.lock.release();
      const again = await other.lock(path);
      assert(again.kind === 'acquired');
      await again.lock.release();
    });
  });
}
