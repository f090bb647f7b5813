import type { TestContext } from 'node:test';
import type { QuorateClientOptions } from '../client-options.ts';
import { QuorateClient } from '../quorate-client.ts';
import { FakeCluster } from './fake-cluster.ts';
import { InstantClock } from './instant-clock.ts';

/**
 * Three members and a client of theirs. Calls start at the first, streams go to the second, third, first, ...; pauses
 * take no time, and jitter is always the longest.
 */
export async function startClient(
  context: TestContext,
  options: Partial<QuorateClientOptions> = {},
): Promise<{ client: QuorateClient; cluster: FakeCluster; clock: InstantClock }> {
  const cluster = await FakeCluster.start(3);
  const clock = new InstantClock();
  const client = new QuorateClient({
    endpoints: cluster.endpoints,
    preferLeader: false,
    clock,
    random: () => 0,
    ...options,
  });
  context.after(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });
  return { client, cluster, clock };
}
