/** What a field holds. 64-bit integers are `number` in TypeScript if `js` says so, else `bigint`. */
export type FieldType =
  | { readonly type: 'string' | 'bytes' | 'bool' | 'double' | 'int32' | 'uint32' }
  | { readonly type: 'int64' | 'uint64'; readonly js: 'number' | 'bigint' }
  | { readonly type: 'enum'; readonly values: Readonly<Record<string, number>> }
  | { readonly type: 'message'; readonly message: string };

export type FieldShape = FieldType & {
  /** As the .proto file spells it, for example `range_end`. */
  readonly name: string;
  /** As TypeScript and camel-case JSON spell it, for example `rangeEnd`. */
  readonly property: string;
  readonly isRepeated: boolean;
  /** The property of the oneof that it belongs to; null if to none. */
  readonly oneof: string | null;
};

/** The fields of a message type, in the order of the .proto file. */
export type MessageShape = readonly FieldShape[];

/** Message types by their full names, for example `etcdserverpb.PutRequest`. */
export type MessageShapes = Readonly<Record<string, MessageShape>>;

/** The names of a method's message types. */
export type MethodShape = { readonly request: string; readonly response: string };
