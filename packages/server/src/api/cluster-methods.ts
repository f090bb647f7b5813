import { clusterService, type Member as MemberEntry } from '@quorate/protocol';
import { type HandledMethod, unary } from './api-method.ts';
import { headerWithoutRevision, type Member } from './member.ts';

/** etcd's Cluster service, as far as it is built: who is in the cluster. */
export function clusterMethods(member: Member): readonly HandledMethod[] {
  return [
    unary(clusterService.methods.memberList, async (request, context) => {
      if (request.linearizable) await member.linearize(context);
      return { header: headerWithoutRevision(member), members: listMembers(member) };
    }),
  ];
}

function listMembers(member: Member): MemberEntry[] {
  const { configuration } = member.status();
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
