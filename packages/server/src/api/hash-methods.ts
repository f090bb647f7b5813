import type { RecordDigest } from '@quorate/kv';
import { maintenanceService } from '@quorate/protocol';
import { digestRecords } from '@quorate/replica';
import { type HandledMethod, unary } from './api-method.ts';
import type { CallContext } from './call-context.ts';
import { completeHeader, type Member } from './member.ts';

/**
 * Hash and HashKV: checksums over what a member stores. They are equal on all members that have the same compacted
 * revision, which is part of the answer, and are not those that an etcd would compute.
 */
export function hashMethods(member: Member): readonly HandledMethod[] {
  const { methods } = maintenanceService;
  return [
    unary(methods.hash, async (_request, context) => {
      const { digest } = await hashThrough(member, 0, context);
      return completeHeader(member, { header: headerAt(member), hash: digest.crc });
    }),
    unary(methods.hashKV, async (request, context) => {
      const { digest, revision } = await hashThrough(member, request.revision, context);
      return completeHeader(member, {
        header: headerAt(member),
        hash: digest.crc,
        compactRevision: digest.compactedRevision,
        hashRevision: revision,
      });
    }),
  ];
}

/** The checksum of every record that is needed and was made at a revision or before; 0 means now. */
async function hashThrough(
  member: Member,
  requested: number,
  context: CallContext,
): Promise<{ digest: RecordDigest; revision: number }> {
  const revision = member.store.resolveRevision(requested);
  const range = { firstPosition: 1, lastPosition: Infinity, throughRevision: revision };
  const digest = await digestRecords(member, range, Infinity, context);
  // A compaction meanwhile may have taken the revision away.
  member.store.resolveRevision(revision);
  return { digest, revision };
}

function headerAt({ store }: Member): {
  clusterId: bigint;
  memberId: bigint;
  revision: number;
  raftTerm: number;
} {
  return { clusterId: 0n, memberId: 0n, revision: store.revision, raftTerm: 0 };
}
