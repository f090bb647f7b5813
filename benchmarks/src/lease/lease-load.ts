import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { QuorateClient } from '@quorate/client';
import {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  leaseService,
} from '@quorate/protocol';
import { Histogram } from '../histogram.ts';

export type LeaseLoadOptions = {
  readonly leases: number;
  readonly streams: number;
  /** Requests that are under way at a time, over all streams. */
  readonly inFlight: number;
  readonly durationSeconds: number;
};

/** How many were done in a second, and how long each took, in microseconds. */
export type LeaseFigures = { readonly perSecond: number; readonly times: Histogram };

/** Long enough for no lease to end while it is measured. */
const ttlSeconds = 600;
const startTimeoutMs = 30_000;
const requestTimeoutMs = 30_000;

/** Grants leases, then keeps them alive over streams, at the leader. */
export async function runLeaseLoad(
  endpoints: readonly string[],
  options: LeaseLoadOptions,
): Promise<{ readonly grants: LeaseFigures; readonly renewals: LeaseFigures }> {
  const client = new Client(await leaderOf(endpoints), credentials.createInsecure());
  try {
    await grant(client, 1n);
    const grants = await measureGrants(client, options);
    const renewals = await measureRenewals(client, options);
    return { grants, renewals };
  } finally {
    client.close();
  }
}

async function leaderOf(endpoints: readonly string[]): Promise<string> {
  await using client = new QuorateClient({ endpoints });
  await client.get('k', { timeoutMs: startTimeoutMs });
  for (const endpoint of client.endpoints) {
    const status = await client.status(endpoint).catch(() => null); // It may not be up yet; then it does not lead.
    if (status?.isLeader === true) return endpoint;
  }
  throw new Error('no member leads');
}

async function measureGrants(client: Client, { leases, inFlight }: LeaseLoadOptions): Promise<LeaseFigures> {
  const times = new Histogram();
  let next = 2n;
  const startMs = performance.now();
  const worker = async (): Promise<void> => {
    while (next <= BigInt(leases)) {
      const id = next;
      next += 1n;
      const askedMs = performance.now();
      await grant(client, id);
      times.record((performance.now() - askedMs) * 1000);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { perSecond: times.total / ((performance.now() - startMs) / 1000), times };
}

async function grant(client: Client, ID: bigint): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(
      leaseService.methods.leaseGrant.path,
      (request: LeaseGrantRequest) => Buffer.from(LeaseGrantRequest.encode(request).finish()),
      (bytes: Buffer) => LeaseGrantResponse.decode(bytes),
      { ID, TTL: ttlSeconds },
      { deadline: Date.now() + requestTimeoutMs },
      (error) => (error === null ? resolve() : reject(error)),
    );
  });
}

async function measureRenewals(client: Client, options: LeaseLoadOptions): Promise<LeaseFigures> {
  const { leases, streams, inFlight, durationSeconds } = options;
  const times = new Histogram();
  const startMs = performance.now();
  const endMs = startMs + durationSeconds * 1000;
  let next = 0;
  const run = async (): Promise<void> => {
    const stream: ClientDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse> =
      client.makeBidiStreamRequest(
        leaseService.methods.leaseKeepAlive.path,
        (request: LeaseKeepAliveRequest) => Buffer.from(LeaseKeepAliveRequest.encode(request).finish()),
        (bytes: Buffer) => LeaseKeepAliveResponse.decode(bytes),
      );
    const asked: number[] = [];
    const ask = (): void => {
      next = (next % leases) + 1;
      asked.push(performance.now());
      stream.write({ ID: BigInt(next) });
    };
    stream.on('data', ({ TTL }: LeaseKeepAliveResponse) => {
      if (TTL !== ttlSeconds) throw new Error(`a lease of ${ttlSeconds} s was answered with ${TTL} s`);
      const nowMs = performance.now();
      times.record((nowMs - (asked.shift() ?? nowMs)) * 1000);
      if (nowMs < endMs) ask();
      else if (asked.length === 0) stream.end();
    });
    for (let count = 0; count < Math.ceil(inFlight / streams); count += 1) ask();
    await once(stream, 'end');
  };
  await Promise.all(Array.from({ length: streams }, run));
  return { perSecond: times.total / ((performance.now() - startMs) / 1000), times };
}
