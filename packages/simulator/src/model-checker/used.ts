/** How many of each bounded event have happened, three bits for each kind. */
export type Used = number;

export const boundedKinds = [
  'commands',
  'crashes',
  'heartbeats',
  'reads',
  'transfers',
  'time',
  'losses',
  'duplicates',
  'changes',
] as const;

export type BoundedKind = (typeof boundedKinds)[number];

/** The most that has room. */
export const usedMax = 7;

const shifts = Object.fromEntries(boundedKinds.map((kind, index) => [kind, index * 3])) as Record<
  BoundedKind,
  number
>;

export function usedOf(used: Used, kind: BoundedKind): number {
  return (used >>> shifts[kind]) & usedMax;
}

export function useOne(used: Used, kind: BoundedKind): Used {
  return used + (1 << shifts[kind]);
}
