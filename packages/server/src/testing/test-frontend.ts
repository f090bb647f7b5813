import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Clock } from '@quorate/replica';
import { CallStatistics } from '../api/call-statistics.ts';
import { ClientInterface } from '../client-interface.ts';
import { Listener } from '../listen/listener.ts';
import { MemberRegistry } from '../metrics/member-registry.ts';
import { SystemClock } from '../platform/system-clock.ts';
import { noDiagnosis } from './no-diagnosis.ts';
import { RecordingLogger } from './recording-logger.ts';
import { SoloMember } from './solo-member.ts';
import { TestClient } from './test-client.ts';

/** What clients see of a member, on a real port, in front of a member without consensus. */
export class TestFrontend implements AsyncDisposable {
  readonly clock: Clock;
  readonly member: SoloMember;
  readonly clients: ClientInterface;
  readonly logger = new RecordingLogger();
  readonly listener: Listener;
  readonly client: TestClient;
  readonly statistics = new CallStatistics();
  readonly metrics = new MemberRegistry();
  private readonly sockets: Socket[] = [];

  static async open(clock: Clock = new SystemClock()): Promise<TestFrontend> {
    const urls = ['http://127.0.0.1:0'];
    const listener = await Listener.open({
      urls,
      option: 'test',
      connectionsMax: 100,
      clock: new SystemClock(),
    });
    return new TestFrontend(clock, listener);
  }

  private constructor(clock: Clock, listener: Listener) {
    this.clock = clock;
    this.listener = listener;
    this.member = new SoloMember(clock);
    this.clients = new ClientInterface({
      member: this.member,
      clock,
      logger: this.logger,
      times: { timeoutMaxMs: 7_000, answerReserveMs: 150 },
      requestMaxBytes: 1.5 * 1024 * 1024,
      electionTimeoutMs: 1_000,
      watchProgressIntervalMs: 10_000,
      random: { integer: () => 0 },
      statistics: this.statistics,
      metrics: async () => this.metrics.read(),
      diagnosis: noDiagnosis,
    });
    listener.serve((socket) => this.clients.accept(socket));
    this.client = new TestClient(this.url);
  }

  get url(): string {
    return this.listener.urls[0] ?? '';
  }

  /** A bare connection. */
  async connect(): Promise<Socket> {
    const socket = connect(Number(new URL(this.url).port), '127.0.0.1');
    socket.on('error', () => undefined); // The server may reset it, which is what some tests wait for.
    this.sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    for (const socket of this.sockets) socket.destroy();
    await this.listener.close(new SystemClock(), 0);
  }
}
