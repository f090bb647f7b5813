/** What has gone over connections, in bytes. */
export type Traffic = { readonly sentBytes: number; readonly receivedBytes: number };

export const noTraffic: Traffic = { sentBytes: 0, receivedBytes: 0 };

export function sumOfTraffic(one: Traffic, other: Traffic): Traffic {
  return {
    sentBytes: one.sentBytes + other.sentBytes,
    receivedBytes: one.receivedBytes + other.receivedBytes,
  };
}
