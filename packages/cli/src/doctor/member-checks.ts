import type { MemberDiagnosis, MemberStatus } from '@quorate/client';
import { formatBytes } from '../format/units.ts';
import { type ExaminedMember, type Finding, finding, graded, limits, ok } from './examination.ts';

/** Checks one member. `nameOf` finds the name of another one. */
export function checkMember(
  { name, status, diagnosis, problem, endpoint }: ExaminedMember,
  nameOf: (id: bigint) => string,
): readonly Finding[] {
  const findings: Finding[] = [];
  if (status === null) {
    const text = `does not answer${endpoint === null ? '' : ` at ${endpoint}`}: ${problem ?? 'it has never started'}`;
    const advice =
      'Start it and read its log. If it is lost for good: "quorate member remove", then "quorate member add".';
    return [finding('failure', 'reachable', name, text, advice)];
  }
  findings.push(
    ok('reachable', name, `answers at ${endpoint}`),
    checkSpace(name, status),
    checkProgress(name, status),
  );
  if (diagnosis === null) {
    const text = `could not be examined: ${problem ?? 'no answer'}`;
    return [...findings, finding('warning', 'diagnosis', name, text, 'Ask again, or upgrade the member.')];
  }
  return [
    ...findings,
    ...checkDisk(name, diagnosis.disk),
    ...checkPeers(name, diagnosis, nameOf),
    checkClock(name, diagnosis, nameOf),
  ];
}

function checkSpace(name: string, { databaseInUseBytes, quotaBytes }: MemberStatus): Finding {
  if (quotaBytes === 0) return ok('quota', name, `${formatBytes(databaseInUseBytes)} in use, no quota`);
  const text = `${formatBytes(databaseInUseBytes)} of ${formatBytes(quotaBytes)} in use`;
  const severity = graded(databaseInUseBytes / quotaBytes, limits.quotaUsed);
  if (severity === 'ok') return ok('quota', name, text);
  const advice = 'Delete keys and compact, or raise --quota-backend-bytes before writes are refused.';
  return finding(severity, 'quota', name, text, advice);
}

function checkProgress(name: string, { appliedIndex, commitIndex }: MemberStatus): Finding {
  const behind = commitIndex - appliedIndex;
  const text = `applied ${appliedIndex} of ${commitIndex} committed entries`;
  const severity = graded(behind, limits.appliedBehind);
  if (severity === 'ok') return ok('progress', name, text);
  return finding(
    severity,
    'progress',
    name,
    text,
    'It is catching up, or its host is too slow: look again soon.',
  );
}

function checkDisk(name: string, disk: MemberDiagnosis['disk']): readonly Finding[] {
  const { dataDirectory, freeBytes, totalBytes, flushMs, problem } = disk;
  if (problem !== null) {
    return [
      finding('failure', 'disk', name, problem, `Repair access to ${dataDirectory} on the host of ${name}.`),
    ];
  }
  const median = flushMs.toSorted((a, b) => a - b)[Math.floor(flushMs.length / 2)] ?? 0;
  const slowest = Math.max(...flushMs);
  const flushText = `a flush takes ${median.toFixed(1)} ms, at most ${slowest.toFixed(1)} ms`;
  const flush = graded(median, limits.flushMs);
  const roomText = `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`;
  const isScarce = (portion: number): boolean => freeBytes < totalBytes * portion;
  const room = isScarce(limits.diskFree.failure)
    ? 'failure'
    : isScarce(limits.diskFree.warning)
      ? 'warning'
      : 'ok';
  return [
    flush === 'ok'
      ? ok('flush', name, flushText)
      : finding(
          flush,
          'flush',
          name,
          flushText,
          'Every write waits for it: use a faster local disk, and nothing else on it.',
        ),
    room === 'ok'
      ? ok('disk', name, roomText)
      : finding(
          room,
          'disk',
          name,
          roomText,
          `Make room on the disk of ${dataDirectory}: a member stops when it is full.`,
        ),
  ];
}

function checkPeers(
  name: string,
  { peers }: MemberDiagnosis,
  nameOf: (id: bigint) => string,
): readonly Finding[] {
  const unreached = peers.filter(({ problem }) => problem !== null);
  if (unreached.length > 0) {
    return unreached.map(({ memberId, problem }) => {
      const text = `does not reach ${nameOf(memberId)}: ${problem}`;
      const advice = `Start ${nameOf(memberId)}, or open the way to its peer URL.`;
      return finding('failure', 'peers', name, text, advice);
    });
  }
  const slowest = Math.max(0, ...peers.map(({ roundTripMs }) => roundTripMs));
  return [
    ok('peers', name, peers.length === 0 ? 'it has none' : `reaches all, within ${slowest.toFixed(1)} ms`),
  ];
}

function checkClock(name: string, { peers }: MemberDiagnosis, nameOf: (id: bigint) => string): Finding {
  const reached = peers.filter(({ problem }) => problem === null);
  const furthest = reached.toSorted((a, b) => Math.abs(b.clockOffsetMs) - Math.abs(a.clockOffsetMs))[0];
  if (furthest === undefined) return ok('clock', name, 'there is none to compare with');
  const offset = Math.max(0, Math.abs(furthest.clockOffsetMs) - furthest.roundTripMs / 2);
  const severity = graded(offset, limits.clockOffsetMs);
  const text = `at most ${offset.toFixed(0)} ms apart from the others`;
  if (severity === 'ok') return ok('clock', name, text);
  const differs = `${offset.toFixed(0)} ms apart from ${nameOf(furthest.memberId)}`;
  return finding(
    severity,
    'clock',
    name,
    differs,
    'Set the clocks of the hosts by NTP: logs cannot be compared otherwise.',
  );
}
