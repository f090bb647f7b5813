import { JsonFormatError } from './json-format-error.ts';
import type { FieldShape, MessageShape } from './message-shape.ts';
import type { JsonValue } from './parse-json.ts';
import { shapeNamed } from './to-json.ts';

/** Transactions nest; nothing else does. */
const depthMax = 100;

/** The least and the greatest integer of each type. */
const bounds = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

/** Where a value stands: `compare[0].target`. */
type Place = { readonly path: string; readonly depth: number };

/**
 * Reads a message from JSON (the JSON mapping of proto3). Fields may have their names of the .proto file or
 * the same in camel case; integers may be strings, enums numbers, base64 of either alphabet, with padding or
 * without. `null` is a field's default. Throws a JsonFormatError, for unknown fields, too: a misspelt field
 * is no wish to be ignored.
 *
 * `typeName` is the full name of its type, for example `etcdserverpb.PutRequest`.
 */
export function fromJson(typeName: string, json: JsonValue): unknown {
  return messageOf(typeName, json ?? {}, { path: '', depth: 0 });
}

function messageOf(typeName: string, json: JsonValue, place: Place): Record<string, unknown> {
  if (place.depth > depthMax) fail(place, `messages are nested more than ${depthMax} deep`);
  if (json === null || typeof json !== 'object' || isArray(json)) {
    fail(place, `should be a JSON object, and is ${kindOf(json)}`);
  }
  const shape = shapeNamed(typeName);
  const message = emptyMessage(shape);
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(json)) {
    const field = shape.find((each) => each.name === name || each.property === name);
    const here = { path: place.path === '' ? name : `${place.path}.${name}`, depth: place.depth + 1 };
    if (field === undefined) fail(here, `${typeName} has no such field`);
    if (value === null) continue;
    const slot = field.oneof ?? field.property;
    if (seen.has(slot))
      fail(here, field.oneof === null ? 'is given twice' : 'excludes another field that is given');
    seen.add(slot);
    const read = field.isRepeated ? listOf(field, value, here) : valueOf(field, value, here);
    message[slot] = field.oneof === null ? read : { $case: field.property, [field.property]: read };
  }
  return message;
}

function emptyMessage(shape: MessageShape): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  for (const field of shape) {
    if (field.oneof === null) message[field.property] = field.isRepeated ? [] : defaultOf(field);
    else message[field.oneof] = undefined;
  }
  return message;
}

function defaultOf(field: FieldShape): unknown {
  switch (field.type) {
    case 'string':
      return '';
    case 'bytes':
      return new Uint8Array();
    case 'bool':
      return false;
    case 'double':
    case 'int32':
    case 'uint32':
    case 'enum':
      return 0;
    case 'int64':
    case 'uint64':
      return field.js === 'number' ? 0 : 0n;
    case 'message':
      return undefined;
  }
}

function listOf(field: FieldShape, json: JsonValue, place: Place): unknown[] {
  if (!isArray(json)) fail(place, `should be a list, and is ${kindOf(json)}`);
  return json.map((item, index) => {
    return valueOf(field, item, { path: `${place.path}[${index}]`, depth: place.depth });
  });
}

function valueOf(field: FieldShape, json: JsonValue, place: Place): unknown {
  switch (field.type) {
    case 'string':
      if (typeof json !== 'string') fail(place, `should be a string, and is ${kindOf(json)}`);
      return json;
    case 'bytes':
      return bytesOf(json, place);
    case 'bool':
      if (typeof json !== 'boolean') fail(place, `should be true or false, and is ${kindOf(json)}`);
      return json;
    case 'double':
      if (typeof json !== 'number') fail(place, `should be a number, and is ${kindOf(json)}`);
      return json;
    case 'int32':
    case 'uint32':
      return Number(integerOf(json, field.type, place));
    case 'int64':
    case 'uint64': {
      const integer = integerOf(json, field.type, place);
      if (field.js === 'bigint') return integer;
      const number = Number(integer);
      if (!Number.isSafeInteger(number)) fail(place, 'is too large');
      return number;
    }
    case 'enum':
      return enumOf(json, field.values, place);
    case 'message':
      return messageOf(field.message, json, place);
  }
}

function bytesOf(json: JsonValue, place: Place): Uint8Array {
  if (typeof json !== 'string') fail(place, `should be a string in base64, and is ${kindOf(json)}`);
  const digits = json.replace(/=+$/, '');
  if (!/^[\w+/-]*$/.test(digits) || digits.length % 4 === 1) fail(place, 'is not valid base64');
  return Buffer.from(digits, 'base64');
}

function integerOf(json: JsonValue, type: keyof typeof bounds, place: Place): bigint {
  const integer = toInteger(json);
  if (integer === null) fail(place, `should be an integer, and is ${kindOf(json)}`);
  const [least, greatest] = bounds[type];
  if (integer < least || integer > greatest) fail(place, `should be from ${least} to ${greatest}`);
  return integer;
}

function toInteger(json: JsonValue): bigint | null {
  if (typeof json === 'bigint') return json;
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : null;
  return typeof json === 'string' && /^-?\d{1,20}$/.test(json) ? BigInt(json) : null;
}

function enumOf(json: JsonValue, values: Readonly<Record<string, number>>, place: Place): number {
  const names = Object.keys(values);
  if (typeof json === 'string') {
    if (!names.includes(json)) fail(place, `should be one of ${names.join(', ')}`);
    return values[json] ?? 0;
  }
  if (typeof json !== 'number' || !Number.isInteger(json)) {
    fail(place, `should be one of ${names.join(', ')}, or its number; it is ${kindOf(json)}`);
  }
  return Number(integerOf(json, 'int32', place));
}

function isArray(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json);
}

function kindOf(json: JsonValue): string {
  if (json === null) return 'null';
  if (isArray(json)) return 'a list';
  if (typeof json === 'object') return 'an object';
  if (typeof json === 'boolean') return String(json);
  if (typeof json === 'string') return 'a string';
  return typeof json === 'number' && !Number.isInteger(json) ? 'a fraction' : 'a number';
}

function fail({ path }: Place, what: string): never {
  throw new JsonFormatError(path === '' ? `it ${what}` : `${path}: ${what}`);
}
