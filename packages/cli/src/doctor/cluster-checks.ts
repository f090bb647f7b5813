import type { Alarm } from '@quorate/client';
import { counted, formatId } from '../format/units.ts';
import { type ExaminedMember, type Finding, finding, ok } from './examination.ts';

/** Checks what concerns the cluster as a whole. `alarms` is null if nobody could be asked for them. */
export function checkCluster(
  members: readonly ExaminedMember[],
  alarms: readonly Alarm[] | null,
): readonly Finding[] {
  return [
    checkLeader(members),
    checkQuorum(members),
    checkSameCluster(members),
    checkVersions(members),
    ...checkAlarms(members, alarms),
  ];
}

function checkLeader(members: readonly ExaminedMember[]): Finding {
  const leaders = members.filter(({ status }) => status?.isLeader === true);
  const [leader, second] = leaders;
  if (leader === undefined) {
    const advice =
      'A majority of the voters must be up and reach each other: see the other findings. If they are lost for good, see "quorate help recover".';
    return finding('failure', 'leader', null, 'no member leads', advice);
  }
  if (second !== undefined) {
    const names = leaders.map(({ name }) => name).join(' and ');
    const text = `${names} both say that they lead`;
    return finding(
      'warning',
      'leader',
      null,
      text,
      'One of them has been cut off, or they have just changed: ask again.',
    );
  }
  return ok('leader', null, `${leader.name} leads in term ${leader.status?.term}`);
}

function checkQuorum(members: readonly ExaminedMember[]): Finding {
  const voters = members.filter(({ member }) => !member.isLearner);
  const up = voters.filter(({ status }) => status !== null).length;
  const majority = Math.floor(voters.length / 2) + 1;
  const spare = up - majority;
  const answer = up === 1 ? 'answers' : 'answer';
  const needed = majority === 1 ? 'is needed' : 'are needed';
  const text = `${up} of ${counted(voters.length, 'voter')} ${answer}, ${majority} ${needed}`;
  if (spare < 0) {
    const advice = 'Start members until a majority is up. Nothing can be written before that.';
    return finding('failure', 'quorum', null, text, advice);
  }
  if (voters.length === 1) {
    const advice = 'Add members ("quorate member add"): three survive the loss of one.';
    return finding(
      'warning',
      'quorum',
      null,
      `${text}: the loss of this member is the loss of the cluster`,
      advice,
    );
  }
  if (spare === 0) {
    const advice = 'Bring the missing members back, or replace them, before you stop another one.';
    return finding('warning', 'quorum', null, `${text}: the loss of one more stops all writes`, advice);
  }
  if (voters.length % 2 === 0) {
    const advice =
      'An even number of voters survives no more losses than one voter fewer: add one, or remove one.';
    return finding('warning', 'quorum', null, text, advice);
  }
  return ok('quorum', null, `${text}: ${counted(spare, 'more member')} may be lost`);
}

function checkSameCluster(members: readonly ExaminedMember[]): Finding {
  const clusters = Map.groupBy(
    members.filter(({ status }) => status !== null),
    ({ status }) => formatId(status?.clusterId ?? 0n),
  );
  if (clusters.size <= 1) return ok('identity', null, `cluster ${[...clusters.keys()][0] ?? 'unknown'}`);
  const parties = [...clusters].map(([id, group]) => `${group.map(({ name }) => name).join(', ')}: ${id}`);
  const advice =
    "Two clusters use each other's addresses: correct the URLs, and give each its own --initial-cluster-token.";
  return finding(
    'failure',
    'identity',
    null,
    `members are of several clusters (${parties.join('; ')})`,
    advice,
  );
}

function checkVersions(members: readonly ExaminedMember[]): Finding {
  const versions = Map.groupBy(
    members.filter(({ diagnosis }) => diagnosis !== null),
    ({ diagnosis }) => diagnosis?.version ?? '',
  );
  if (versions.size <= 1)
    return ok('versions', null, `all run ${[...versions.keys()][0] ?? 'an unknown version'}`);
  const parties = [...versions].map(
    ([version, group]) => `${group.map(({ name }) => name).join(', ')}: ${version}`,
  );
  const advice =
    'Complete the upgrade: restart the members with the newest version, one after the other, the leader last.';
  return finding(
    'warning',
    'versions',
    null,
    `members run different versions (${parties.join('; ')})`,
    advice,
  );
}

function checkAlarms(
  members: readonly ExaminedMember[],
  alarms: readonly Alarm[] | null,
): readonly Finding[] {
  if (alarms === null) {
    return [
      finding('failure', 'alarms', null, 'nobody could be asked for alarms', 'See the other findings.'),
    ];
  }
  if (alarms.length === 0) return [ok('alarms', null, 'none')];
  return alarms.map(({ type, memberId }) => {
    const name = members.find(({ member }) => member.id === memberId)?.name ?? formatId(memberId);
    return finding('failure', 'alarms', memberId === 0n ? null : name, type, adviceFor[type]);
  });
}

const adviceFor: Readonly<Record<Alarm['type'], string>> = {
  NOSPACE:
    'Delete keys and compact ("quorate del", etcdctl compaction), or raise --quota-backend-bytes. The alarm clears itself then.',
  CORRUPT:
    'The member repairs itself from the others. If the alarm names all members, restore a backup: nobody knows who is right.',
  UNKNOWN: 'A newer version has raised it: use the doctor of that version.',
};
