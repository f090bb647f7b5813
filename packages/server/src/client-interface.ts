import type { Socket } from 'node:net';
import type { Clock, Logger, Random } from '@quorate/replica';
import { createApi, methodDescriptions, serviceNames } from './api/api.ts';
import type { CallTimes } from './api/call-context.ts';
import { CallLimit } from './api/call-limit.ts';
import type { CallStatistics } from './api/call-statistics.ts';
import { HealthMethods } from './api/health-methods.ts';
import { LeaderlessStreams } from './api/leaderless-streams.ts';
import type { Member } from './api/member.ts';
import { refuseIsolated } from './api/refuse-isolated.ts';
import { refuseLearner } from './api/refuse-learner.ts';
import { requireLeader } from './api/require-leader.ts';
import { StreamLimit } from './api/stream-limit.ts';
import type { Diagnosis } from './diagnosis/diagnosis.ts';
import { Gateway } from './gateway/gateway.ts';
import { GrpcServer } from './grpc/grpc-server.ts';
import { createHttpApi } from './http/http-api.ts';
import { HttpServer } from './http/http-server.ts';
import { ClientConnections } from './listen/client-connections.ts';
import type { MetricsText } from './metrics/member-registry.ts';

export type ClientInterfaceOptions = {
  readonly member: Member;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly times: CallTimes;
  readonly requestMaxBytes: number;
  readonly electionTimeoutMs: number;
  /** How often watchers that want to know are told of their progress, in milliseconds. */
  readonly watchProgressIntervalMs: number;
  readonly random: Random;
  readonly statistics: CallStatistics;
  /** What is answered at `/metrics`. */
  readonly metrics: () => Promise<MetricsText>;
  readonly diagnosis: Pick<Diagnosis, 'make'>;
};

/** The most calls that are handled at a time, over all connections, and over one. */
const callsMax = 65_536;
const connectionCallsMax = 2_048;
/** The same of streams, which last: an open stream keeps no call from being handled. */
const streamsMax = 32_768;
const connectionStreamsMax = 1_024;
/** What a message may have beyond the largest request: then it is told that it is too large, instead of nothing. */
const messageOverheadBytes = 512 * 1024;
/** What requests that are being received may take, over all connections. */
const receivingMaxBytes = 256 * 1024 * 1024;
/** How much longer a request may be in JSON, where bytes are base64. */
const jsonExpansion = 1.5;
/** How long the client of the gateway may take to send a request, in milliseconds. */
const bodyTimeoutMs = 10_000;
/** As etcd. */
const keepaliveIntervalMs = 2 * 60 * 60 * 1000;
const keepaliveTimeoutMs = 20_000;
const silenceMaxMs = 10_000;
/** How long calls that run when the server stops may go on, in milliseconds. */
const drainMs = 2_000;

/** Everything between a client's connection and the member: gRPC and HTTP/1.1 on one port. */
export class ClientInterface {
  private readonly member: Member;
  private readonly limit = new CallLimit(callsMax);
  private readonly streams = new StreamLimit({ streamsMax, connectionStreamsMax });
  private readonly health = new HealthMethods(serviceNames);
  private readonly stopping = new AbortController();
  private readonly grpc: GrpcServer;
  private readonly http: HttpServer;
  /** For who wants to know how the member is, and must not reach its data. */
  private readonly probes: HttpServer;
  private readonly connections: ClientConnections;

  constructor(options: ClientInterfaceOptions) {
    const { member, clock, times } = options;
    this.member = member;
    const logger = options.logger.child({ component: 'api' });
    const messageMaxBytes = options.requestMaxBytes + messageOverheadBytes;
    const leaderless = new LeaderlessStreams({
      member,
      clock,
      electionTimeoutMs: options.electionTimeoutMs,
    });
    const methods = createApi({
      member,
      watch: {
        progressIntervalMs: options.watchProgressIntervalMs,
        fragmentBytes: messageMaxBytes,
        random: options.random,
      },
      health: this.health,
      stopping: this.stopping.signal,
      diagnosis: options.diagnosis,
      guards: [
        this.limit.guard,
        this.streams.guard,
        refuseLearner(member),
        requireLeader(member),
        leaderless.guard,
        refuseIsolated(member),
      ],
      clock,
      logger,
      times,
      statistics: options.statistics,
    });
    this.grpc = new GrpcServer(methods, {
      clock,
      messageMaxBytes,
      receivingMaxBytes,
      connectionCallsMax,
      keepaliveIntervalMs,
      keepaliveTimeoutMs,
    });
    const gateway = new Gateway(methods, methodDescriptions, {
      clock,
      bodyMaxBytes: jsonExpansion * messageMaxBytes,
      bodyTimeoutMs,
      receivingMaxBytes,
    });
    const { metrics } = options;
    const { timeoutMaxMs } = times;
    this.http = new HttpServer(createHttpApi({ gateway, metrics, member, clock, timeoutMaxMs }), {
      clock,
      logger,
    });
    const probes = createHttpApi({ gateway: null, metrics, member, clock, timeoutMaxMs });
    this.probes = new HttpServer(probes, { clock, logger });
    this.connections = new ClientConnections({ clock, http1: this.http, http2: this.grpc, silenceMaxMs });
  }

  accept(socket: Socket): void {
    this.connections.accept(socket);
  }

  /** Takes a connection over which only metrics and health are told, by HTTP/1.1. */
  acceptProbe(socket: Socket): void {
    this.probes.accept(socket);
  }

  /**
   * Takes no more calls; resolves when those that run have ended, or after a while; at once if there is no
   * leader, because then they only wait for one. Streams end last, so that watchers see what those calls did.
   * Called once.
   */
  async drain(clock: Clock): Promise<void> {
    this.health.stop();
    this.stopping.abort();
    this.connections.closeSilent();
    this.http.stop();
    this.probes.stop();
    this.grpc.refuseNewCalls();
    const canAnswer = this.member.status().leader !== null;
    await this.limit.drain(clock, canAnswer ? drainMs : 0);
    // What has been handed to streams by now goes out before their end.
    await new Promise<void>((resolve) => {
      clock.defer(resolve);
    });
    this.streams.stop();
  }
}
