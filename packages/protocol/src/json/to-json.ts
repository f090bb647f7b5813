import { messageShapes } from '../generated/message-shapes.ts';
import type { FieldShape, MessageShape } from './message-shape.ts';

/** A message in the form that `JSON.stringify` takes. */
export type JsonObject = { readonly [name: string]: unknown };

type Message = Readonly<Record<string, unknown>>;
type OneofValue = { readonly $case: string } & Message;

/**
 * Writes a message as etcd's gateway does (the JSON mapping of proto3, with the names of the .proto file):
 * 64-bit integers are strings, bytes base64, enums names, and what has its default is left out.
 *
 * `typeName` is the full name of its type, for example `etcdserverpb.PutResponse`.
 */
export function toJson(typeName: string, message: unknown): JsonObject {
  return objectOf(shapeNamed(typeName), message as Message);
}

/** The shape of a type of that name. There is one for every type that may be spoken in JSON. */
export function shapeNamed(typeName: string): MessageShape {
  const shape = messageShapes[typeName];
  if (shape === undefined) throw new Error(`${typeName} is not spoken in JSON`);
  return shape;
}

function objectOf(shape: MessageShape, message: Message): JsonObject {
  const json: Record<string, unknown> = {};
  for (const field of shape) {
    const value = field.oneof === null ? message[field.property] : oneofValue(message[field.oneof], field);
    if (field.isRepeated) {
      const items = value as readonly unknown[];
      if (items.length > 0) json[field.name] = items.map((item) => valueOf(field, item));
    } else if (value !== undefined && (field.oneof !== null || !isDefault(value))) {
      json[field.name] = valueOf(field, value);
    }
  }
  return json;
}

function oneofValue(oneof: unknown, field: FieldShape): unknown {
  const chosen = oneof as OneofValue | undefined;
  return chosen?.$case === field.property ? chosen[field.property] : undefined;
}

function isDefault(value: unknown): boolean {
  return (
    value === 0 ||
    value === 0n ||
    value === '' ||
    value === false ||
    (value instanceof Uint8Array && value.length === 0)
  );
}

function valueOf(field: FieldShape, value: unknown): unknown {
  switch (field.type) {
    case 'int64':
    case 'uint64':
      return String(value);
    case 'bytes': {
      const { buffer, byteOffset, length } = value as Uint8Array;
      return Buffer.from(buffer, byteOffset, length).toString('base64');
    }
    case 'enum':
      // A number that has no name stays a number.
      return Object.keys(field.values).find((name) => field.values[name] === value) ?? value;
    case 'message':
      return objectOf(shapeNamed(field.message), value as Message);
    case 'string':
    case 'bool':
    case 'double':
    case 'int32':
    case 'uint32':
      return value;
  }
}
