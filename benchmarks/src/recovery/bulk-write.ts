import { QuorateClient, transactionOperationsMax } from '@quorate/client';
import { keyName } from '../workload.ts';

const connections = 4;
const transactionsPerConnection = 2;
const timeoutMs = 120_000;

/** Puts every key once, in transactions that are as large as a cluster takes them. */
export async function writeAllKeys(
  endpoints: readonly string[],
  keys: number,
  value: Uint8Array,
  progress: (written: number) => void,
): Promise<void> {
  let next = 0;
  let written = 0;
  const lane = async (client: QuorateClient): Promise<void> => {
    while (next < keys) {
      const first = next;
      const count = Math.min(transactionOperationsMax, keys - first);
      next += count;
      await client.putMany(Array.from({ length: count }, (_, index) => [keyName(first + index), value]));
      written += count;
      progress(written);
    }
  };
  const clients = Array.from({ length: connections }, () => new QuorateClient({ endpoints, timeoutMs }));
  try {
    const lanes = clients.flatMap((client) =>
      Array.from({ length: transactionsPerConnection }, () => lane(client)),
    );
    await Promise.all(lanes);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}
