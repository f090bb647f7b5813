import { clusterService, type Member as MemberEntry } from '@quorate/protocol';
import { type Configuration, type MemberId, toMemberId } from '@quorate/raft';
import type { MembershipChange, MembershipOutcome } from '@quorate/replica';
import { MalformedValue } from '../configuration/configuration-error.ts';
import { parseAdvertisedUrl } from '../configuration/network-address.ts';
import { ApiError } from './api-error.ts';
import { type HandledMethod, unary } from './api-method.ts';
import type { CallContext } from './call-context.ts';
import { replicaFailure } from './error-table.ts';
import { headerWithoutRevision, type Member } from './member.ts';

/** etcd's Cluster service: who is in the cluster, and how that is changed. */
export function clusterMethods(member: Member): readonly HandledMethod[] {
  const { methods } = clusterService;
  const change = async (change: MembershipChange, context: CallContext): Promise<MembershipOutcome> =>
    member.changeMembership([change], context);
  return [
    unary(methods.memberList, async (request, context) => {
      if (request.linearizable) await member.linearize(context);
      return {
        header: headerWithoutRevision(member),
        members: listMembers(member, member.status().configuration),
      };
    }),
    unary(methods.memberAdd, async (request, context) => {
      const peerUrls = parsePeerUrls(request.peerURLs);
      // A name is what a member tells itself when it has started.
      const add = { kind: 'add', name: '', peerUrls, becomesVoter: !request.isLearner } as const;
      const { added, configuration } = await change(add, context);
      const members = listMembers(member, configuration);
      const entry = members.find(({ ID }) => ID === added[0]);
      return {
        header: headerWithoutRevision(member),
        // As etcd answers: what was asked for. The list says what the member is until it has caught up, a learner.
        member: entry === undefined ? undefined : { ...entry, isLearner: request.isLearner },
        members,
      };
    }),
    unary(methods.memberRemove, async ({ ID }, context) =>
      answer(member, await change({ kind: 'remove', id: existing(ID) }, context)),
    ),
    unary(methods.memberUpdate, async ({ ID, peerURLs }, context) => {
      const peerUrls = parsePeerUrls(peerURLs);
      return answer(member, await change({ kind: 'update-peer-urls', id: existing(ID), peerUrls }, context));
    }),
    unary(methods.memberPromote, async ({ ID }, context) =>
      answer(member, await change({ kind: 'promote', id: existing(ID) }, context)),
    ),
  ];
}

function answer(member: Member, { configuration }: MembershipOutcome) {
  return { header: headerWithoutRevision(member), members: listMembers(member, configuration) };
}

function existing(id: bigint): MemberId {
  if (id === 0n) throw replicaFailure('member-not-found');
  return toMemberId(id);
}

/** In the form in which they are compared. */
function parsePeerUrls(urls: readonly string[]): readonly string[] {
  try {
    const parsed = urls.map(parseAdvertisedUrl);
    if (parsed.length > 0 && new Set(parsed).size === parsed.length) return parsed;
  } catch (error) {
    if (!(error instanceof MalformedValue)) throw error;
  }
  throw new ApiError('invalid-argument', 'etcdserver: given member URLs are invalid', 'none');
}

function listMembers(member: Member, configuration: Configuration): MemberEntry[] {
  const attributes = member.store.memberAttributes();
  return configuration.addresses.map(({ id, peerUrls }) => {
    const published = attributes.get(id);
    return {
      ID: id,
      // Empty until the member has told its name itself: so clients tell who has never started.
      name: published?.name ?? '',
      peerURLs: [...peerUrls],
      clientURLs: [...(published?.clientUrls ?? [])],
      isLearner: configuration.learners.includes(id),
    };
  });
}
