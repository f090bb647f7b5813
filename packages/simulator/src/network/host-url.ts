const prefix = 'simulated://n';

/** The peer URL of whoever runs on a host; hosts are numbered from 0, and people count from 1. */
export function urlOfHost(host: number): string {
  return `${prefix}${host + 1}`;
}

export function hostOfUrl(url: string): number {
  return Number(url.slice(prefix.length)) - 1;
}
