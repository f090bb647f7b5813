import type { Configuration, MemberId } from '@quorate/raft';
import type { ServerConfiguration } from '../configuration/server-configuration.ts';

/**
 * What the configuration of a member says about the cluster that its log says otherwise: a line for people each,
 * with what to do. The log is right; once a member has started, `initial-...` options found and change nothing.
 */
export function compareWithLog(
  configuration: Pick<ServerConfiguration, 'name' | 'initialCluster' | 'initialAdvertisePeerUrls'>,
  self: MemberId,
  logged: Configuration,
): readonly string[] {
  const own = logged.addresses.find(({ id }) => id === self);
  // A member that joins does not know the cluster yet.
  if (own === undefined) return [];
  const warnings: string[] = [];
  const id = self.toString(16);
  const { name, initialCluster, initialAdvertisePeerUrls } = configuration;
  if (!sameSet(own.peerUrls, initialAdvertisePeerUrls)) {
    warnings.push(
      `the other members call this one at ${own.peerUrls.join(',')}, and not at ${initialAdvertisePeerUrls.join(',')} as configured; if it has moved, run "quorate member update ${id} --peer-url ${initialAdvertisePeerUrls.join(',')}"`,
    );
  }
  const others = initialCluster.filter((member) => member.name !== name).map((member) => member.peerUrl);
  const loggedOthers = logged.addresses.filter((address) => address.id !== self);
  const isOther = (url: string): boolean => loggedOthers.some(({ peerUrls }) => peerUrls.includes(url));
  const isNamed = ({ peerUrls }: { readonly peerUrls: readonly string[] }): boolean =>
    peerUrls.some((url) => others.includes(url));
  if (others.length > 0 && !(others.every(isOther) && loggedOthers.every(isNamed))) {
    const urls = logged.addresses.map(({ peerUrls }) => peerUrls.join(',')).join(', ');
    warnings.push(
      `the members are now at ${urls}; initial-cluster says otherwise, and counts only until a member has started: correct it, or leave it out`,
    );
  }
  return warnings;
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((each) => right.includes(each));
}
