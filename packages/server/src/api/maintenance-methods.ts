import { type AlarmMember, maintenanceService } from '@quorate/protocol';
import { toMemberId } from '@quorate/raft';
import { alarmName } from './alarm-name.ts';
import { ApiError } from './api-error.ts';
import { type HandledMethod, unary } from './api-method.ts';
import { replicaErrors, replicaFailure } from './error-table.ts';
import { etcdVersion } from './etcd-version.ts';
import { execute } from './execute.ts';
import { completeHeader, headerWithoutRevision, type Member } from './member.ts';

/** etcd's Maintenance service, as far as it is built: what operators ask of one member. */
export function maintenanceMethods(member: Member): readonly HandledMethod[] {
  const { methods } = maintenanceService;
  return [
    unary(methods.status, async () => status(member)),
    unary(methods.alarm, async (request, context) => {
      const { alarm } = await execute(member, { $case: 'alarm', alarm: request }, context);
      return completeHeader(member, alarm);
    }),
    unary(methods.defragment, async () => ({ header: headerWithoutRevision(member) })),
    unary(methods.downgrade, async () => {
      throw new ApiError('unimplemented', downgradeExplanation, 'none');
    }),
    unary(methods.moveLeader, async (request, context) => {
      if (request.targetID === 0n) throw replicaFailure('bad-transferee');
      await member.transferLeadership(toMemberId(request.targetID), context);
      return { header: headerWithoutRevision(member) };
    }),
  ];
}

const downgradeExplanation =
  'there is no downgrade to prepare: stop one member after the other and start it with the other version; a version that cannot read the data says so and changes nothing';

/** As etcd shows an alarm, space at the end included. */
function describeAlarm({ memberID, alarm }: AlarmMember): string {
  return `memberID:${memberID} alarm:${alarmName(alarm)} `;
}

function status(member: Member) {
  const { leader, commitIndex, term, appliedIndex, memberId, configuration } = member.status();
  const { store } = member;
  return completeHeader(member, {
    header: { clusterId: 0n, memberId: 0n, revision: store.revision, raftTerm: 0 },
    version: etcdVersion,
    dbSize: store.sizeBytes,
    leader: leader ?? 0n,
    raftIndex: commitIndex,
    raftTerm: term,
    raftAppliedIndex: appliedIndex,
    errors: [
      ...(leader === null ? [replicaErrors['no-leader'].message] : []),
      ...store.alarms().map(describeAlarm),
    ],
    dbSizeInUse: store.sizeInUseBytes,
    isLearner: configuration.learners.includes(memberId),
    storageVersion: etcdVersion,
    dbSizeQuota: member.spaceQuotaBytes,
    downgradeInfo: { enabled: false, targetVersion: '' },
  });
}
