/**
 * Writes plain data so that equal data gives equal text: records with their fields in one order, maps and lists
 * of member ids sorted. `rename` gives each member another name; the text is then that of the same cluster with
 * its members exchanged.
 *
 * Every bigint is a member id, and lists that consist of member ids are sets: so it is in the core's state and
 * in its messages, where the lists are sorted by id.
 */
export function canonicalText(value: unknown, rename: (id: bigint) => bigint): string {
  switch (typeof value) {
    case 'bigint':
      return `n${rename(value)}`;
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'string':
      return JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : compositeText(value, rename);
    case 'function':
    case 'symbol':
      throw new TypeError(`plain data has no ${typeof value}`);
  }
}

function compositeText(value: object, rename: (id: bigint) => bigint): string {
  if (value instanceof Uint8Array) return `<${value.join(' ')}>`;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => canonicalText(item, rename));
    const isSet = value.every((item: unknown) => typeof item === 'bigint');
    return `[${(isSet ? items.sort() : items).join()}]`;
  }
  if (value instanceof Map) {
    const items = [...value].map(
      ([key, item]: [unknown, unknown]) => `${canonicalText(key, rename)}:${canonicalText(item, rename)}`,
    );
    return `{${items.sort().join()}}`;
  }
  const fields = Object.entries(value).map(
    ([name, item]: [string, unknown]) => `${name}:${canonicalText(item, rename)}`,
  );
  return `(${fields.sort().join()})`;
}
