import { AlarmRequest_AlarmAction as AlarmAction, maintenanceService } from '@quorate/protocol';
import { toMemberId } from '@quorate/raft';
import { ApiError } from './api-error.ts';
import { type HandledMethod, unary } from './api-method.ts';
import { replicaErrors, replicaFailure } from './error-table.ts';
import { etcdVersion } from './etcd-version.ts';
import { completeHeader, headerWithoutRevision, type Member } from './member.ts';

/** etcd's Maintenance service, as far as it is built: what operators ask of one member. */
export function maintenanceMethods(member: Member): readonly HandledMethod[] {
  const { methods } = maintenanceService;
  return [
    unary(methods.status, async () => status(member)),
    unary(methods.alarm, async (request) => {
      if (request.action !== AlarmAction.GET) {
        throw new ApiError(
          'unimplemented',
          'alarms are not built yet: there is none to raise or to clear',
          'none',
        );
      }
      return { header: headerWithoutRevision(member), alarms: [] };
    }),
    unary(methods.moveLeader, async (request, context) => {
      if (request.targetID === 0n) throw replicaFailure('bad-transferee');
      await member.transferLeadership(toMemberId(request.targetID), context);
      return { header: headerWithoutRevision(member) };
    }),
  ];
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
    errors: leader === null ? [replicaErrors['no-leader'].message] : [],
    dbSizeInUse: store.sizeInUseBytes,
    isLearner: configuration.learners.includes(memberId),
    storageVersion: etcdVersion,
    dbSizeQuota: 0,
    downgradeInfo: { enabled: false, targetVersion: '' },
  });
}
