import type { Identity } from '@quorate/storage';
import type { ServerConfiguration } from '../configuration/server-configuration.ts';
import type { Joined } from './join-cluster.ts';

/**
 * Who a member is: what its data directory says, or, if that is new, what its configuration says about a cluster
 * that it founds, or what `join` brings from one that runs.
 *
 * A directory that belongs to somebody else is not for this function to refuse: it returns who this member
 * would be, and the directory is compared with that. What has changed in the cluster since the directory was made
 * is no reason to refuse: the log knows better than the configuration.
 */
export async function memberIdentity(
  configuration: ServerConfiguration,
  found: Identity | null,
  join: () => Promise<Joined>,
): Promise<Identity> {
  const { name, clusterId, memberId, initialClusterToken: token } = configuration;
  const founded = { clusterId, memberId, name, token };
  if (found === null) {
    if (configuration.initialClusterState === 'existing') return { ...(await join()), name };
    return { ...founded, unpublished: true };
  }
  if (found.name !== name) return founded;
  if (found.joinedAt !== undefined || found.token === token) return found;
  // Made before the token was kept: the member's own id has it in it.
  return found.token === undefined && found.memberId === memberId ? found : founded;
}
