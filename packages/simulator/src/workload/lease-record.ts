/** What a client knows of one lease, and what was promised to it. Times are true, in microseconds. */
export type LeaseRecord = {
  readonly id: bigint;
  readonly client: string;
  ttlSeconds: number;
  /** When it was asked to grant the lease or to keep it alive, for each time that this was granted. */
  readonly promisedUs: number[];
  /** When the last request that might keep the lease alive was over for the client. */
  lastAskedUs: number;
};
