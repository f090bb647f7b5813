import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { PutRequest } from '@quorate/protocol';
import { MemoryDisk, MemoryFileSystem, seededRandom } from '@quorate/storage/testing';
import { ManualClock } from '../testing/manual-clock.ts';
import { RecordingLogger } from '../testing/recording-logger.ts';
import { SoloMember } from '../testing/solo-member.ts';
import { BackupSchedule } from './backup-schedule.ts';

const intervalMs = 3_600_000;

class Scheduled implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly disk = new MemoryDisk({ random: seededRandom(1) });
  readonly fileSystem = new MemoryFileSystem(this.disk);
  readonly logger = new RecordingLogger();
  readonly member = new SoloMember(this.clock);
  schedule = this.create();

  create(): BackupSchedule {
    const { member, fileSystem, clock, logger } = this;
    const directory = '/backups';
    return new BackupSchedule({
      ...{ member, name: 'n1', directory, intervalMs, keep: 3, fileSystem, clock, logger },
    });
  }

  async settle(): Promise<void> {
    for (let count = 0; count < 200; count += 1) await turn();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  async files(): Promise<readonly string[]> {
    return (await this.fileSystem.list('/backups')).toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.schedule.stop();
    assert.equal(this.clock.pendingTimers, 0);
  }
}

test('a backup is made at once, then one each interval; the newest stay, and strangers are left alone', async () => {
  await using scheduled = new Scheduled();
  await scheduled.fileSystem.makeDirectory('/backups');
  for (const stranger of ['n1-letter.snapshot', 'n10-19700101T000000Z.snapshot', 'notes']) {
    await (await scheduled.fileSystem.open(`/backups/${stranger}`, 'create')).close();
  }
  scheduled.schedule.start();
  await scheduled.settle();
  await scheduled.pass(0);
  assert.ok((await scheduled.files()).includes('n1-19700101T000000Z.snapshot'));
  for (let hour = 1; hour <= 4; hour += 1) await scheduled.pass(intervalMs);
  assert.deepEqual(await scheduled.files(), [
    'n1-19700101T020000Z.snapshot',
    'n1-19700101T030000Z.snapshot',
    'n1-19700101T040000Z.snapshot',
    'n1-letter.snapshot',
    'n10-19700101T000000Z.snapshot',
    'notes',
  ]);
});

test('what is left of a backup during which the process died is removed by the next one', async () => {
  await using scheduled = new Scheduled();
  await scheduled.fileSystem.makeDirectory('/backups');
  for (const file of [
    '.n1-19691231T230000Z.snapshot.part',
    '.n2-19691231T230000Z.snapshot.part',
    '.n1.part',
  ]) {
    await (await scheduled.fileSystem.open(`/backups/${file}`, 'create')).close();
  }
  scheduled.schedule.start();
  await scheduled.settle();
  await scheduled.pass(0);
  assert.deepEqual(await scheduled.files(), [
    '.n1.part',
    '.n2-19691231T230000Z.snapshot.part',
    'n1-19700101T000000Z.snapshot',
  ]);
});

test('after a restart it goes on when the newest backup is old enough', async () => {
  await using scheduled = new Scheduled();
  scheduled.schedule.start();
  await scheduled.settle();
  await scheduled.pass(0);
  await scheduled.pass(intervalMs / 2);
  await scheduled.schedule.stop();
  scheduled.schedule = scheduled.create();
  scheduled.schedule.start();
  await scheduled.settle();
  await scheduled.pass(intervalMs / 2 - 1_000);
  assert.equal((await scheduled.files()).length, 1);
  await scheduled.pass(1_000);
  assert.equal((await scheduled.files()).length, 2);
});

test('a full disk costs no older backup, and is tried again soon', async () => {
  await using scheduled = new Scheduled();
  scheduled.schedule.start();
  await scheduled.settle();
  await scheduled.pass(0);
  const put = PutRequest.create({ key: Buffer.from('k'), value: new Uint8Array(10_000) });
  await scheduled.member.propose({ $case: 'put', put }, { deadlineMs: 1e12 });
  scheduled.disk.capacityBytes = 5_000;
  await scheduled.pass(intervalMs);
  assert.equal((await scheduled.files()).length, 1);
  assert.match(JSON.stringify(scheduled.logger), /no space left on the disk/);
  scheduled.disk.capacityBytes = 1_000_000;
  await scheduled.pass(60_000);
  assert.equal((await scheduled.files()).length, 2);
});
