import { readFileSync } from 'node:fs';

/** What one process has used. Linux only: elsewhere there is no /proc, and everything reads as null. */
export type ProcessUsage = {
  /** User and system time of all threads since the start. The kernel counts in steps of 10 ms. */
  readonly cpuMs: number;
  readonly residentBytes: number;
};

/** USER_HZ: the unit of times in /proc, 100 on every Linux architecture that Node.js runs on. */
const ticksPerSecond = 100;

/** Reads the usage of a live process; null if it is gone or the system does not tell. */
export function readProcessUsage(pid: number): ProcessUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return { cpuMs: cpuMsOf(stat), residentBytes: residentBytesOf(status) };
  } catch {
    return null; // Gone, or no Linux: the report says "unknown" then.
  }
}

/** The name in parentheses may contain anything, so the fields are counted from its end. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const userTicks = Number(fields[11]);
  const systemTicks = Number(fields[12]);
  return ((userTicks + systemTicks) * 1000) / ticksPerSecond;
}

export function residentBytesOf(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
