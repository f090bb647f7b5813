/** How fast leases end and are checkpointed, which bounds what they cost everybody else. */
export type LeaseLimits = {
  /** Leases that a leader revokes in a second because they have expired; etcd's. Default 1,000. */
  readonly revokesPerSecondMax: number;
  /** Leases in one entry of checkpoints. Default 1,000. */
  readonly checkpointMaxLeases: number;
};

export const defaultLeaseLimits: LeaseLimits = { revokesPerSecondMax: 1000, checkpointMaxLeases: 1000 };
