import type { ClusterMember, MemberDiagnosis, MemberStatus } from '@quorate/client';

/** What was found out about one member. */
export type ExaminedMember = {
  readonly name: string;
  /** Null if it has told nobody how to call it. */
  readonly endpoint: string | null;
  readonly member: ClusterMember;
  readonly status: MemberStatus | null;
  readonly diagnosis: MemberDiagnosis | null;
  /** Why status or diagnosis are missing; null if they are not. */
  readonly problem: string | null;
};

/** `failure`: something does not work, or soon will not. `warning`: it works, and is not as it should be. */
export type Severity = 'ok' | 'warning' | 'failure';

export type Finding = {
  readonly check: string;
  /** The member that it is about; null for the cluster. */
  readonly member: string | null;
  readonly severity: Severity;
  readonly text: string;
  /** What to do about it; null if nothing has to be done. */
  readonly advice: string | null;
};

/** Where things begin to be worth a word, and where they are wrong. */
export const limits = {
  /** A write waits for one flush of the leader and of a majority, and heartbeats of a slow member come late. */
  flushMs: { warning: 10, failure: 100 },
  /** Clocks matter for nothing but logs and leases; an offset like this means that nobody sets them. */
  clockOffsetMs: { warning: 500, failure: 10_000 },
  quotaUsed: { warning: 0.8, failure: 1 },
  diskFree: { warning: 0.15, failure: 0.03 },
  appliedBehind: { warning: 1_000, failure: 5_000 },
} as const;

export function ok(check: string, member: string | null, text: string): Finding {
  return { check, member, severity: 'ok', text, advice: null };
}

export function finding(
  severity: Exclude<Severity, 'ok'>,
  check: string,
  member: string | null,
  text: string,
  advice: string,
): Finding {
  return { check, member, severity, text, advice };
}

/** How bad a figure is that should be small. */
export function graded(
  value: number,
  { warning, failure }: { readonly warning: number; readonly failure: number },
): Severity {
  if (value >= failure) return 'failure';
  return value >= warning ? 'warning' : 'ok';
}
