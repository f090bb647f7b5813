import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import {
  clusterService,
  electionService,
  expiringService,
  health,
  healthService,
  kvService,
  leaseService,
  lockService,
  maintenanceService,
  type MethodDescription,
} from '@quorate/protocol';

type UnaryCalls<Service> = {
  readonly [Name in keyof Service]: Service[Name] extends MethodDescription<infer Request, infer Response>
    ? (request: Request, settings?: CallSettings) => Promise<Response>
    : never;
};

export type CallSettings = {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

/** Calls a server as any gRPC client does, and nothing more: no retries, no choice of members. */
export class TestClient {
  readonly kv: UnaryCalls<typeof kvService.methods>;
  readonly lease: UnaryCalls<typeof leaseService.methods>;
  readonly lock: UnaryCalls<typeof lockService.methods>;
  readonly election: UnaryCalls<typeof electionService.methods>;
  readonly expiring: UnaryCalls<typeof expiringService.methods>;
  readonly cluster: UnaryCalls<typeof clusterService.methods>;
  readonly maintenance: UnaryCalls<typeof maintenanceService.methods>;
  readonly health: UnaryCalls<typeof healthService.methods>;
  private readonly client: Client;

  constructor(url: string) {
    this.client = new Client(url.replace('http://', ''), credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
    });
    this.kv = this.callsOf(kvService.methods);
    this.lease = this.callsOf(leaseService.methods);
    this.lock = this.callsOf(lockService.methods);
    this.election = this.callsOf(electionService.methods);
    this.expiring = this.callsOf(expiringService.methods);
    this.cluster = this.callsOf(clusterService.methods);
    this.maintenance = this.callsOf(maintenanceService.methods);
    this.health = this.callsOf(healthService.methods);
  }

  /** Sends bytes, whatever they are. */
  async callRaw(path: string, bytes: Uint8Array, settings: CallSettings = {}): Promise<Buffer> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(settings.metadata ?? {})) metadata.set(name, value);
    const options = settings.timeoutMs === undefined ? {} : { deadline: Date.now() + settings.timeoutMs };
    return new Promise((resolve, reject) => {
      const call = this.client.makeUnaryRequest(
        path,
        (raw: Buffer) => raw,
        (raw: Buffer) => raw,
        Buffer.from(bytes),
        metadata,
        options,
        (error: ServiceError | null, response?: Buffer) => {
          if (error === null) resolve(response ?? Buffer.alloc(0));
          else reject(error);
        },
      );
      settings.signal?.addEventListener('abort', () => call.cancel(), { once: true });
    });
  }

  /** Reads a stream of responses; resolves when it ends, with its status. */
  async readStream(
    path: string,
    request: Uint8Array,
    receive: (bytes: Buffer) => void,
  ): Promise<StatusObject> {
    const call = this.client.makeServerStreamRequest(
      path,
      (raw: Buffer) => raw,
      (raw: Buffer) => raw,
      Buffer.from(request),
    );
    call.on('data', receive);
    call.on('error', () => undefined); // The status says it, too.
    return new Promise((resolve) => {
      call.on('status', resolve);
    });
  }

  /** Opens a stream of requests and responses, as bytes. */
  openStream(path: string, settings: CallSettings = {}): ClientDuplexStream<Buffer, Buffer> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(settings.metadata ?? {})) metadata.set(name, value);
    const call = this.client.makeBidiStreamRequest(
      path,
      (raw: Buffer) => raw,
      (raw: Buffer) => raw,
      metadata,
    );
    call.on('error', () => undefined); // The status says it, too.
    return call;
  }

  /** Sends one request after the other on a stream, and resolves with so many answers. */
  async exchange<Request, Response>(
    method: MethodDescription<Request, Response>,
    requests: readonly Request[],
  ): Promise<Response[]> {
    const stream = this.openStream(method.path);
    const answers: Response[] = [];
    for (const request of requests) stream.write(Buffer.from(method.request.encode(request).finish()));
    stream.end();
    for await (const bytes of stream) answers.push(method.response.decode(bytes as Buffer));
    return answers;
  }

  async watchHealth(receive: (status: number) => void): Promise<StatusObject> {
    const request = health.HealthCheckRequest.encode({ service: '' }).finish();
    return this.readStream(healthService.methods.watch.path, request, (bytes) => {
      receive(health.HealthCheckResponse.decode(bytes).status);
    });
  }

  close(): void {
    this.client.close();
  }

  private callsOf<Service extends object>(methods: Service): UnaryCalls<Service> {
    const calls = Object.entries(
      methods as Readonly<Record<string, MethodDescription<unknown, unknown>>>,
    ).map(([name, method]) => [
      name,
      async (request: unknown, settings?: CallSettings) => {
        const bytes = method.request.encode(request).finish();
        return method.response.decode(await this.callRaw(method.path, bytes, settings));
      },
    ]);
    return Object.fromEntries(calls) as UnaryCalls<Service>;
  }
}
