import { MalformedValue } from './configuration-error.ts';
import { parseAdvertisedUrl } from './network-address.ts';
import { memberName, scalarText, type ValueType } from './value-type.ts';

/** One member of a new cluster, as `initial-cluster` names it. */
export type FoundingMember = { readonly name: string; readonly peerUrl: string };

/** The most members that a cluster may be founded with: beyond nine, each write pays for votes that add no safety. */
export const foundingMembersMax = 9;

/**
 * The members of a new cluster: `n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380`, or in a file also a map
 * from name to URL. Sorted by name, so that every member reads the same list out of any order.
 */
export const foundingMembers: ValueType<readonly FoundingMember[]> = {
  description: '`NAME=URL` for each member, separated by commas; in a file also a map from name to URL',
  placeholder: 'NAME=URL,...',
  parseText: (value) =>
    checked(
      value.split(',').map((part) => {
        const separator = part.indexOf('=');
        if (separator < 0) {
          throw new MalformedValue(`"${part.trim()}" is not NAME=URL; write n1=http://127.0.0.1:2380,n2=...`);
        }
        return parseMember(part.slice(0, separator), part.slice(separator + 1));
      }),
    ),
  parseFileValue: (value) => {
    if (!(value instanceof Map)) return foundingMembers.parseText(scalarText(value));
    return checked([...value].map(([name, url]) => parseMember(scalarText(name), scalarText(url))));
  },
  format: (members) => members.map((member) => `${member.name}=${member.peerUrl}`).join(','),
};

function parseMember(name: string, url: string): FoundingMember {
  return { name: memberName.parseText(name.trim()), peerUrl: parseAdvertisedUrl(url.trim()) };
}

function checked(members: readonly FoundingMember[]): readonly FoundingMember[] {
  const byName = new Map<string, FoundingMember>();
  const byUrl = new Map<string, FoundingMember>();
  for (const member of members) {
    if (byName.has(member.name)) {
      throw new MalformedValue(`names the member ${member.name} twice; give each member a name of its own`);
    }
    const other = byUrl.get(member.peerUrl);
    if (other !== undefined) {
      throw new MalformedValue(
        `gives ${member.peerUrl} to both ${other.name} and ${member.name}; give each member a URL of its own`,
      );
    }
    byName.set(member.name, member);
    byUrl.set(member.peerUrl, member);
  }
  if (members.length > foundingMembersMax) {
    throw new MalformedValue(`names ${members.length} members; a cluster has at most ${foundingMembersMax}`);
  }
  return [...members].sort((left, right) => (left.name < right.name ? -1 : 1));
}
