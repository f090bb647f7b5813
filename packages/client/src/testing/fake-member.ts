import { once } from 'node:events';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import {
  type ConnectionInjector,
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import {
  clusterService,
  type Codec,
  healthService,
  kvService,
  leaseService,
  maintenanceService,
  MemberListResponse,
  type ResponseHeader,
  StatusResponse,
  watchService,
} from '@quorate/protocol';
import { FakeRefusal, FakeStore } from './fake-store.ts';
import { FakeWatch } from './fake-watch.ts';

/** What goes wrong with a call. */
export type Fault =
  /** The call gets no answer. */
  | { readonly kind: 'hang' }
  /** The connection breaks: before the request has any effect, or after, so that only the answer is lost. */
  | { readonly kind: 'disconnect'; readonly when: 'before' | 'after' }
  /** The call fails with this status, without effect; with the trailer `quorate-outcome` if `outcome` is given. */
  | { readonly kind: 'status'; readonly code: number; readonly details: string; readonly outcome?: string }
  /** The request takes effect, but the answer is no protobuf message. */
  | { readonly kind: 'malformed' }
  /** The request takes effect and is answered once the promise has resolved. */
  | { readonly kind: 'wait'; readonly until: Promise<void> };

type Method = { readonly path: string; readonly request: Codec<unknown>; readonly response: Codec<unknown> };

/**
 * A server on a real socket of 127.0.0.1 that answers the API from a `FakeStore`, and fails on demand.
 *
 * `faults` are used up by the calls that come, one each; then `always` holds for every call. Faults concern
 * the key-value service only, unless a method is named in `faultyMethods`.
 */
export class FakeMember {
  readonly id: bigint;
  readonly store: FakeStore;
  /** The methods called so far, in order: `Range`, `Put`, ... */
  readonly calls: string[] = [];
  readonly faults: Fault[] = [];
  /** The streams of watches that were opened, each for the test to answer. */
  readonly watches: FakeWatch[] = [];
  always: Fault | null = null;
  faultyMethods: ReadonlySet<string> = new Set(['Range', 'Put', 'DeleteRange', 'Txn', 'Compact']);
  /** What it says of its cluster. */
  leader = 0n;
  term = 1;
  members: { id: bigint; name: string; clientUrls: string[] }[] = [];
  #port: number;
  #grpc: Server | null = null;
  #listener: NetServer | null = null;
  readonly #sockets = new Set<Socket>();

  private constructor(id: bigint, store: FakeStore, port: number) {
    this.id = id;
    this.store = store;
    this.#port = port;
  }

  /** Starts on a free port, or on a given one. */
  static async start(id = 1n, store = new FakeStore(), port = 0): Promise<FakeMember> {
    const member = new FakeMember(id, store, port);
    member.leader = id;
    await member.restart();
    return member;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** What was sent over the connections that are open. */
  get sentBytes(): number {
    return [...this.#sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0);
  }

  /** Listens on the port that it had before. */
  async restart(): Promise<void> {
    const grpc = new Server({ 'grpc.enable_channelz': 0 });
    for (const service of [kvService, clusterService, maintenanceService, healthService, leaseService]) {
      this.#serve(grpc, service.methods);
    }
    this.#serveWatches(grpc);
    const injector: ConnectionInjector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
    const listener = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      injector.injectConnection(socket);
    });
    listener.listen(this.#port, '127.0.0.1');
    await once(listener, 'listening');
    this.#port = (listener.address() as AddressInfo).port;
    this.#grpc = grpc;
    this.#listener = listener;
  }

  /** As a killed process: connections break, and new ones are refused. */
  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    this.disconnect();
    this.#grpc?.forceShutdown();
    if (listener === null) return;
    const closed = once(listener, 'close');
    listener.close();
    await closed;
  }

  /** Breaks all connections. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #serve(grpc: Server, methods: Readonly<Record<string, object>>): void {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, (call: ServerUnaryCall<Buffer, Uint8Array>, done: Done) => void> = {};
    for (const [name, description] of Object.entries(methods)) {
      const method = description as Method & { requestStream: boolean; responseStream: boolean };
      if (method.requestStream || method.responseStream) continue;
      definition[name] = {
        path: method.path,
        requestStream: false,
        responseStream: false,
        requestSerialize: toBuffer,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: toBuffer,
        responseDeserialize: (bytes: Buffer) => bytes,
      };
      handlers[name] = (call, done) => void this.#answer(method, call.request, done);
    }
    grpc.addService(definition, handlers);
  }

  #serveWatches(grpc: Server): void {
    const { path } = watchService.methods.watch;
    const definition: ServiceDefinition[string] = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: toBuffer,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: toBuffer,
      responseDeserialize: (bytes: Buffer) => bytes,
    };
    const watch = (call: ServerDuplexStream<Buffer, Uint8Array>): void => {
      this.calls.push('Watch');
      this.watches.push(new FakeWatch(call, this.id));
    };
    grpc.addService({ watch: definition }, { watch });
  }

  async #answer(method: Method, body: Buffer, done: Done): Promise<void> {
    const name = method.path.slice(method.path.lastIndexOf('/') + 1);
    this.calls.push(name);
    const fault = this.faultyMethods.has(name) ? (this.faults.shift() ?? this.always) : null;
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'disconnect' && fault.when === 'before') {
      this.disconnect();
      return;
    }
    if (fault?.kind === 'status') {
      done(failure(fault.code, fault.details, fault.outcome));
      return;
    }
    try {
      const answer = method.response.encode(this.#execute(name, method.request.decode(body))).finish();
      if (fault?.kind === 'wait') await fault.until;
      if (fault?.kind === 'disconnect') this.disconnect();
      else done(null, fault?.kind === 'malformed' ? Uint8Array.of(0xff, 0xff, 0xff) : answer);
    } catch (error) {
      const isRefusal = error instanceof FakeRefusal;
      done(failure(isRefusal ? error.grpcCode : 2, String(error instanceof Error ? error.message : error)));
    }
  }

  #execute(name: string, request: unknown): unknown {
    switch (name) {
      case 'Range':
        return this.#signed(this.store.range(request as never));
      case 'Put':
        return this.#signed(this.store.put(request as never));
      case 'DeleteRange':
        return this.#signed(this.store.deleteRange(request as never));
      case 'Txn':
        return this.#signed(this.store.txn(request as never));
      case 'Compact':
        return this.#signed(this.store.compact(request as never));
      case 'MemberList':
        return this.#signed(this.#memberList());
      case 'Status':
        return this.#signed(this.#status());
      case 'LeaseGrant':
        return this.#signed(this.store.grantLease(request as never));
      case 'LeaseRevoke':
        return this.#signed(this.store.revokeLease(request as never));
      case 'Check':
        return { status: 1 };
      default:
        throw new FakeRefusal(12, `unknown method ${name}`);
    }
  }

  #memberList(): MemberListResponse {
    const known = this.members.length > 0 ? this.members : [{ id: this.id, name: 'fake', clientUrls: [] }];
    return MemberListResponse.fromPartial({
      header: { clusterId: 0xc1n },
      members: known.map(({ id, name: label, clientUrls }) => ({
        ID: id,
        name: label,
        clientURLs: clientUrls,
      })),
    });
  }

  #status(): StatusResponse {
    return StatusResponse.fromPartial({
      header: this.store.header(),
      version: '3.6.0',
      dbSize: 16_384,
      dbSizeInUse: 8_192,
      leader: this.leader,
      raftTerm: this.term,
      raftIndex: 12,
      raftAppliedIndex: 12,
    });
  }

  #signed<Response extends { header?: ResponseHeader | undefined }>(response: Response): Response {
    const header = { ...this.store.header(), ...response.header, memberId: this.id, raftTerm: this.term };
    return { ...response, header };
  }
}

type Done = sendUnaryData<Uint8Array>;

function failure(
  code: number,
  details: string,
  outcome?: string,
): { code: number; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  if (outcome !== undefined) metadata.set('quorate-outcome', outcome);
  return { code, details, metadata };
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
