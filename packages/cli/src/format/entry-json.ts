import type { KeyValue } from '@quorate/client';

/**
 * An entry as JSON. Keys and values are base64, because they may be any bytes; the lease is a decimal string,
 * because it may exceed what JSON's readers take for a number.
 */
export function entryToJson(entry: KeyValue): Record<string, string | number> {
  return {
    key: toBase64(entry.key),
    value: toBase64(entry.value),
    createRevision: entry.createRevision,
    modRevision: entry.modRevision,
    version: entry.version,
    lease: String(entry.lease),
  };
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
