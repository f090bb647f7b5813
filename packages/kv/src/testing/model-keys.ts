/** A key in hexadecimal, two digits a byte: its order is the order of the bytes. */
export type Hex = string;

export function hex(data: Uint8Array): Hex {
  return [...data].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Whether a request's key and range_end mean this key. */
export function covers(
  request: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array },
  key: Uint8Array,
): boolean {
  if (request.rangeEnd.length === 0) return hex(key) === hex(request.key);
  if (hex(key) < hex(request.key)) return false;
  return hex(request.rangeEnd) === '00' || hex(key) < hex(request.rangeEnd);
}
