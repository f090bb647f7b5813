import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicaError } from '@quorate/replica';
import { Publication } from './publication.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { RecordingLogger } from './testing/recording-logger.ts';
import { SoloMember } from './testing/solo-member.ts';
import { until } from './testing/until.ts';

const clientUrls = ['http://10.0.0.1:2379'];

function publish(
  member: SoloMember,
  clock: ManualClock,
  logger = new RecordingLogger(),
  published: () => void = () => undefined,
): Publication {
  const publishing = async (): Promise<void> => undefined;
  const options = { member, name: 'n1', clientUrls, clock, logger, timeoutMs: 1_000, publishing, published };
  const publication = new Publication(options);
  publication.start();
  return publication;
}

test('a member tells the cluster its name and its URLs', async () => {
  const clock = new ManualClock();
  const member = new SoloMember(clock);
  const publication = publish(member, clock);
  await until('it is applied', () => member.store.memberAttributes().size === 1);
  assert.deepEqual(member.store.memberAttributes().get(member.id), { name: 'n1', clientUrls });
  await publication.stop();
});

test('it tries until it succeeds', async () => {
  const clock = new ManualClock();
  const member = new SoloMember(clock);
  member.failure = new ReplicaError('no-leader', 'nobody leads');
  const logger = new RecordingLogger();
  const publication = publish(member, clock, logger);
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await until('it has failed', () => logger.count('could not publish') === attempt);
    if (attempt === 3) member.failure = null;
    clock.advance(500);
  }
  await until('it is applied', () => member.store.memberAttributes().size === 1);
  await publication.stop();
  assert.equal(clock.pendingTimers, 0);
});

test('what the cluster knows is not told again, and what has changed is', async () => {
  const clock = new ManualClock();
  const member = new SoloMember(clock);
  const publishMember = { memberId: member.id, name: 'n1', clientUrls };
  await member.propose({ $case: 'publishMember', publishMember }, { deadlineMs: 1_000 });
  await publish(member, clock).stop();
  assert.equal(member.proposals.length, 1);
  publishMember.clientUrls = ['http://10.0.0.9:2379'];
  await member.propose({ $case: 'publishMember', publishMember }, { deadlineMs: 1_000 });
  publish(member, clock);
  await until('it is told', () => member.proposals.length === 3);
});

test('it says once when the cluster has answered, whether there was something to tell or not', async () => {
  const clock = new ManualClock();
  const member = new SoloMember(clock);
  let published = 0;
  const count = (): void => {
    published += 1;
  };
  publish(member, clock, new RecordingLogger(), count);
  await until('the cluster knows', () => published === 1);
  const gate = Promise.withResolvers<void>();
  member.gate = gate.promise;
  publish(member, clock, new RecordingLogger(), count);
  await until('it asks the cluster', () => member.reads.length === 1);
  assert.equal(published, 1);
  gate.resolve();
  await until('the cluster has answered', () => published === 2);
});

test('it can be called off while it tries and while it waits', async () => {
  const clock = new ManualClock();
  const member = new SoloMember(clock);
  member.gate = new Promise(() => undefined);
  const trying = publish(member, clock);
  await until('it tries', () => member.proposals.length === 1);
  await trying.stop();
  member.gate = Promise.resolve();
  member.failure = new ReplicaError('no-leader', 'nobody leads');
  const logger = new RecordingLogger();
  const waiting = publish(member, clock, logger);
  await until('it waits', () => logger.count('could not publish') === 1);
  await waiting.stop();
  assert.equal(clock.pendingTimers, 0);
});

test('a fault ends it with a line in the log', async () => {
  const clock = new ManualClock();
  const member = new SoloMember(clock);
  const logger = new RecordingLogger();
  member.failure = new TypeError('x is not a function');
  const publication = publish(member, clock, logger);
  await until('it is logged', () => logger.count('error: could not publish') === 1);
  await publication.stop();
});
