import { toBytes } from '@quorate/kv';
import {
  expiringService,
  type LeaseKeepAliveResponse,
  leaseService,
  type LeaseTimeToLiveRequest,
  type LeaseTimeToLiveResponse,
  PutRequest,
} from '@quorate/protocol';
import { bidiStream, type HandledMethod, unary } from './api-method.ts';
import type { CallContext } from './call-context.ts';
import { completeHeader, headerAt, type Member } from './member.ts';
import { pipeline } from './pipeline.ts';
import type { StreamContext } from './stream-context.ts';

/** So many leases of one stream are kept alive at a time: all of them share what it costs to confirm the leader. */
const renewalsMax = 256;

/** etcd's Lease service, and our own for keys with a time to live. */
export function leaseMethods(member: Member): readonly HandledMethod[] {
  const { methods } = leaseService;
  return [
    unary(methods.leaseGrant, async ({ ID, TTL }, context) =>
      completeHeader(member, await member.leases.grant(ID, TTL, context)),
    ),
    unary(methods.leaseRevoke, async ({ ID }, context) =>
      completeHeader(member, await member.leases.revoke(ID, context)),
    ),
    bidiStream(methods.leaseKeepAlive, (requests, context) =>
      pipeline(requests, renewalsMax, async ({ ID }) => keepAlive(member, ID, context)),
    ),
    unary(methods.leaseTimeToLive, async (request, context) => timeToLive(member, request, context)),
    unary(methods.leaseLeases, async (_request, context) => {
      await member.linearize(context);
      const leases = [...member.store.leases()].map(({ id }) => ({ ID: id }));
      return { header: headerAt(member, member.store.revision), leases };
    }),
    unary(expiringService.methods.put, async ({ key, value, ttl, lease, prevKv }, context) => {
      const put = PutRequest.create({ key, value, lease, prevKv });
      const granted = await member.leases.putWithTtl(put, ttl, context);
      const { header, prevKv: previous } = completeHeader(member, granted.putWithTtl);
      return { header, lease: granted.lease, ttl: granted.ttl, prevKv: previous };
    }),
  ];
}

async function keepAlive(
  member: Member,
  id: bigint,
  context: StreamContext,
): Promise<LeaseKeepAliveResponse> {
  // From before the renewal: a revision of afterwards could show a lease as ended that was alive in it (etcd's rule).
  const header = headerAt(member, member.store.revision);
  return { header, ID: id, TTL: await member.leases.renew(id, context.call()) };
}

async function timeToLive(
  member: Member,
  { ID, keys: wantsKeys }: LeaseTimeToLiveRequest,
  context: CallContext,
): Promise<LeaseTimeToLiveResponse> {
  const life = await member.leases.lifeOf(ID, context);
  const header = headerAt(member, member.store.revision);
  if (life === null) {
    return { header, ID, TTL: -1, grantedTTL: 0, keys: [] };
  }
  const keys = wantsKeys ? [...life.lease.keys].sort().map(toBytes) : [];
  return { header, ID, TTL: Math.floor(life.remainingMs / 1000), grantedTTL: life.lease.ttlSeconds, keys };
}
