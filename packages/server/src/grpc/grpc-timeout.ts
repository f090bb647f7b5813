const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1 / 1000,
  n: 1 / 1_000_000,
};

/** Reads a `grpc-timeout`, such as `250m`, in milliseconds; null if there is none that makes sense. */
export function parseGrpcTimeout(value: string | undefined): number | null {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(value ?? '') ?? [];
  return digits === undefined ? null : Number(digits) * (unitMs[unit ?? ''] ?? 0);
}
