import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberDiagnosis, MemberStatus } from '@quorate/client';
import { checkCluster } from './cluster-checks.ts';
import type { ExaminedMember, Finding } from './examination.ts';
import { checkMember } from './member-checks.ts';

const GIB = 1024 ** 3;

function statusOf(number: number, changes: Partial<MemberStatus> = {}): MemberStatus {
  return {
    ...{ endpoint: `n${number}:2379`, clusterId: 7n, memberId: BigInt(number), version: '3.6.0' },
    ...{ leader: 1n, isLeader: number === 1, isLearner: false, term: 3, commitIndex: 100, appliedIndex: 100 },
    ...{ revision: 50, databaseBytes: 1000, databaseInUseBytes: 1000, quotaBytes: 2 * GIB, errors: [] },
    ...changes,
  };
}

function diagnosisOf(changes: Partial<MemberDiagnosis> = {}): MemberDiagnosis {
  return {
    memberId: 1n,
    version: '0.1.0',
    disk: {
      dataDirectory: '/data',
      freeBytes: 50 * GIB,
      totalBytes: 100 * GIB,
      flushMs: [1, 2, 3],
      problem: null,
    },
    peers: [{ memberId: 2n, problem: null, roundTripMs: 1, clockOffsetMs: 3, version: '0.1.0' }],
    ...changes,
  };
}

function examined(number: number, changes: Partial<ExaminedMember> = {}): ExaminedMember {
  const name = `n${number}`;
  const member = {
    id: BigInt(number),
    name,
    peerUrls: [],
    clientUrls: [`http://${name}:2379`],
    isLearner: false,
  };
  const status = statusOf(number);
  return {
    name,
    endpoint: `${name}:2379`,
    member,
    status,
    diagnosis: diagnosisOf(),
    problem: null,
    ...changes,
  };
}

const three = [examined(1), examined(2), examined(3)];
const down = { status: null, diagnosis: null, problem: 'connection refused' };

function wrong(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ severity }) => severity !== 'ok')
    .map(({ check, severity }) => `${check} ${severity}`);
}

function nameOf(id: bigint): string {
  return `n${id}`;
}

test('a healthy cluster has nothing that is wrong', () => {
  assert.deepEqual(wrong(checkCluster(three, [])), []);
  assert.deepEqual(wrong(three.flatMap((member) => checkMember(member, nameOf))), []);
});

test('what is said to be wrong always comes with what to do, and the rest never', () => {
  const sick = [examined(1, down), examined(2, { status: statusOf(2, { clusterId: 8n }) })];
  const findings = [...checkCluster(sick, null), ...sick.flatMap((member) => checkMember(member, nameOf))];
  assert.ok(findings.length > 8);
  for (const { severity, advice } of findings) assert.equal(advice === null, severity === 'ok');
});

test('the quorum is judged by the voters that answer', () => {
  const quorum = (...members: ExaminedMember[]): string[] =>
    wrong(checkCluster(members, [])).filter((each) => each.startsWith('quorum'));
  const learner = examined(4, { member: { ...examined(4).member, isLearner: true }, ...down });
  assert.deepEqual(quorum(...three, learner), []);
  assert.deepEqual(quorum(examined(1), examined(2), examined(3, down)), ['quorum warning']);
  assert.deepEqual(quorum(examined(1), examined(2, down), examined(3, down)), ['quorum failure']);
  assert.deepEqual(quorum(...three, examined(4)), ['quorum warning']);
  assert.deepEqual(quorum(examined(1)), ['quorum warning']);
  assert.deepEqual(quorum(...three, examined(4), examined(5)), []);
});

test('leaders, versions, clusters and alarms are looked at', () => {
  const leaderless = three.map((member, index) => ({
    ...member,
    status: statusOf(index + 1, { isLeader: false, leader: 0n }),
  }));
  assert.deepEqual(wrong(checkCluster(leaderless, [])), ['leader failure']);
  const two = [examined(1), examined(2, { status: statusOf(2, { isLeader: true }) }), examined(3)];
  assert.deepEqual(wrong(checkCluster(two, [])), ['leader warning']);
  const mixed = [...three.slice(0, 2), examined(3, { diagnosis: diagnosisOf({ version: '0.2.0' }) })];
  assert.deepEqual(wrong(checkCluster(mixed, [])), ['versions warning']);
  const [alarm] = checkCluster(three, [{ memberId: 2n, type: 'NOSPACE' }]).slice(-1);
  assert.deepEqual([alarm?.member, alarm?.severity, alarm?.text], ['n2', 'failure', 'NOSPACE']);
});

test('a member is told by its space, its disk, its peers and its clock', () => {
  const disk = diagnosisOf().disk;
  const [peer] = diagnosisOf().peers;
  assert.ok(peer !== undefined);
  const cases: [Partial<ExaminedMember>, string[]][] = [
    [down, ['reachable failure']],
    [{ diagnosis: null, problem: 'unimplemented' }, ['diagnosis warning']],
    [{ status: statusOf(1, { databaseInUseBytes: 1.7 * GIB }) }, ['quota warning']],
    [{ status: statusOf(1, { databaseInUseBytes: 2 * GIB }) }, ['quota failure']],
    [{ status: statusOf(1, { quotaBytes: 0 }) }, []],
    [{ status: statusOf(1, { commitIndex: 10_000 }) }, ['progress failure']],
    [{ diagnosis: diagnosisOf({ disk: { ...disk, flushMs: [1, 20, 30] } }) }, ['flush warning']],
    [{ diagnosis: diagnosisOf({ disk: { ...disk, flushMs: [1, 1, 900] } }) }, []],
    [{ diagnosis: diagnosisOf({ disk: { ...disk, flushMs: [200, 200, 200] } }) }, ['flush failure']],
    [{ diagnosis: diagnosisOf({ disk: { ...disk, freeBytes: 10 * GIB } }) }, ['disk warning']],
    [{ diagnosis: diagnosisOf({ disk: { ...disk, freeBytes: GIB } }) }, ['disk failure']],
    [{ diagnosis: diagnosisOf({ disk: { ...disk, problem: 'no permission' } }) }, ['disk failure']],
    [{ diagnosis: diagnosisOf({ peers: [{ ...peer, problem: 'timed out' }] }) }, ['peers failure']],
    [{ diagnosis: diagnosisOf({ peers: [{ ...peer, clockOffsetMs: -900 }] }) }, ['clock warning']],
    [{ diagnosis: diagnosisOf({ peers: [{ ...peer, clockOffsetMs: 900, roundTripMs: 1000 }] }) }, []],
    [{ diagnosis: diagnosisOf({ peers: [] }) }, []],
  ];
  for (const [changes, expected] of cases) {
    assert.deepEqual(wrong(checkMember(examined(1, changes), nameOf)), expected, JSON.stringify(expected));
  }
});
