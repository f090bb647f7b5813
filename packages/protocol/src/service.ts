/** Turns messages into bytes and back. Generated for every message type, under the type's name. */
export type Codec<Message> = {
  encode(message: Message): { finish(): Uint8Array };
  /** Throws an Error if `bytes` is malformed or holds an integer that its field's type cannot represent. */
  decode(bytes: Uint8Array): Message;
};

/** One method of a service, without a word about the library that carries it. */
export type MethodDescription<
  Request,
  Response,
  RequestStream extends boolean = boolean,
  ResponseStream extends boolean = boolean,
> = {
  /** As in HTTP/2's `:path`, for example `/etcdserverpb.KV/Range`. */
  readonly path: string;
  readonly requestStream: RequestStream;
  readonly responseStream: ResponseStream;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
};

/** A gRPC service: what a server needs to answer and a client to call it. */
export type ServiceDescription<Methods> = {
  /** With its package, for example `etcdserverpb.KV`. */
  readonly serviceName: string;
  /** By name in camel case, for example `range`. */
  readonly methods: Methods;
};

/** What the generator says about a method. */
type GeneratedMethod = {
  readonly name: string;
  readonly requestType: unknown;
  readonly requestStream: boolean;
  readonly responseType: unknown;
  readonly responseStream: boolean;
};

type GeneratedService = {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, GeneratedMethod>>;
};

type MessageOf<MessageCodec> = MessageCodec extends { decode(bytes: Uint8Array): infer Message }
  ? Message
  : never;

type Described<Methods extends Readonly<Record<string, GeneratedMethod>>> = {
  readonly [Name in keyof Methods]: MethodDescription<
    MessageOf<Methods[Name]['requestType']>,
    MessageOf<Methods[Name]['responseType']>,
    Methods[Name]['requestStream'],
    Methods[Name]['responseStream']
  >;
};

/** Brings a generated service definition into the form that servers and clients use. */
export function describeService<Service extends GeneratedService>(
  service: Service,
): ServiceDescription<Described<Service['methods']>> {
  const methods = Object.entries(service.methods).map(([name, method]) => [
    name,
    {
      path: `/${service.fullName}/${method.name}`,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      request: method.requestType,
      response: method.responseType,
    },
  ]);
  return {
    serviceName: service.fullName,
    methods: Object.fromEntries(methods) as Described<Service['methods']>,
  };
}
