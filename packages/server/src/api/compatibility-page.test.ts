import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createApi, serviceNames } from './api.ts';
import { CallStatistics } from './call-statistics.ts';
import { HealthMethods } from './health-methods.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { noDiagnosis } from '../testing/no-diagnosis.ts';
import { RecordingLogger } from '../testing/recording-logger.ts';
import { SoloMember } from '../testing/solo-member.ts';

const repository = new URL('../../../../', import.meta.url);
const page = readFileSync(new URL('docs/compatibility.md', repository), 'utf8');

/** The cells of every row of every table, but for the headings. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.slice(2, -2).split(' | '));

const clock = new ManualClock();
const member = new SoloMember(clock);
const methods = createApi({
  member,
  health: new HealthMethods(serviceNames),
  watch: { progressIntervalMs: 1_000, fragmentBytes: 1_000, random: { integer: () => 0 } },
  stopping: new AbortController().signal,
  diagnosis: noDiagnosis,
  guards: [],
  clock,
  logger: new RecordingLogger(),
  times: { timeoutMaxMs: 7_000, answerReserveMs: 150 },
  statistics: new CallStatistics(),
});

test('every method stands in docs/compatibility.md, and the missing ones as missing', () => {
  // Our own services are no part of etcd's API.
  const etcds = methods.filter(({ path }) => !path.startsWith('/quorate.'));
  for (const { path, kind } of etcds) {
    const name = path.replace(/^.*\.(\w+\/\w+)$/, '$1');
    const found = rows.filter(([first]) => first === `\`${name}\``);
    assert.equal(found.length, 1, `${name} stands in ${found.length} rows`);
    const isMissing = found[0]?.[1]?.startsWith('missing') === true;
    // The handler of Downgrade says that there is nothing to prepare.
    const isBuilt = kind !== 'unimplemented' && name !== 'Maintenance/Downgrade';
    assert.equal(isMissing, !isBuilt, name);
  }
});

test('the tests that docs/compatibility.md names exist', () => {
  const files = [...page.matchAll(/`((?:tests|packages)\/[^`]+)`/g)].map(([, file = '']) => file);
  assert.ok(files.length > 50);
  for (const file of files) assert.ok(existsSync(new URL(file, repository)), file);
});
