import type { IncomingMessage, ServerResponse } from 'node:http';
import { RangeRequest } from '@quorate/protocol';
import type { Clock } from '@quorate/replica';
import { alarmName } from '../api/alarm-name.ts';
import { etcdVersion } from '../api/etcd-version.ts';
import type { Member } from '../api/member.ts';
import type { MetricsText } from '../metrics/member-registry.ts';
import type { Gateway } from '../gateway/gateway.ts';

export type HttpApiOptions = {
  readonly gateway: Gateway;
  readonly metrics: () => Promise<MetricsText>;
  readonly member: Member;
  readonly clock: Clock;
  /** How long a health check may wait for a leader, in milliseconds. */
  readonly timeoutMaxMs: number;
};

type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

type Check = { readonly name: string; readonly run: () => Promise<void> };

/**
 * What is answered over HTTP/1.1, in the shapes that etcd's users know: the gateway, `/metrics`, `/version`, `/health`, and
 * the probes `/livez` (this process works) and `/readyz` (and it reaches a majority).
 */
export function createHttpApi(
  options: HttpApiOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    // The target is compared, never resolved: what is no plain path is nothing that is served.
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    if (options.gateway.serves(path)) {
      await options.gateway.handle(request, response, path);
      return;
    }
    const answered = await answer(request.method ?? 'GET', path, new URLSearchParams(query), options);
    const { status, contentType, headers } = answered;
    const body = Buffer.from(answered.body);
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': body.length,
      'x-content-type-options': 'nosniff',
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

async function answer(
  method: string,
  path: string,
  query: URLSearchParams,
  options: HttpApiOptions,
): Promise<Answer> {
  if (!['/version', '/health', '/livez', '/readyz', '/metrics'].includes(path)) {
    return json(404, { error: 'not found', message: `nothing is served at ${path}`, code: 5 });
  }
  if (method !== 'GET') {
    const message = `${path} answers GET only`;
    return { ...json(405, { error: 'method not allowed', message, code: 12 }), headers: { allow: 'GET' } };
  }
  switch (path) {
    case '/version':
      return json(200, { etcdserver: etcdVersion, etcdcluster: etcdVersion, storage: etcdVersion });
    case '/metrics': {
      const { contentType, text } = await options.metrics();
      return { status: 200, contentType, body: text };
    }
    case '/health':
      return health(query, options);
    case '/livez':
      return probe([serializableRead(options)], query.has('verbose'));
    default:
      return probe([serializableRead(options), linearizableRead(options)], query.has('verbose'));
  }
}

async function health(query: URLSearchParams, options: HttpApiOptions): Promise<Answer> {
  const serializable = query.get('serializable') === 'true';
  const alarm = standingAlarm(query.getAll('exclude'), options.member);
  if (alarm !== null) return unhealthy(`ALARM ${alarm}`);
  if (!serializable && options.member.status().leader === null) return unhealthy('RAFT NO LEADER');
  const check = serializable ? serializableRead(options) : linearizableRead(options);
  try {
    await check.run();
    return json(200, { health: 'true', reason: '' });
  } catch (error) {
    return unhealthy(`RANGE ERROR:${messageOf(error)}`);
  }
}

/** An alarm that nobody asked to leave out, by its name: `?exclude=NOSPACE`. */
function standingAlarm(excluded: readonly string[], { store }: Member): string | null {
  const standing = store.alarms().map(({ alarm }) => alarmName(alarm));
  return standing.find((name) => !excluded.includes(name)) ?? null;
}

function unhealthy(reason: string): Answer {
  return json(503, { health: 'false', reason });
}

/** Runs the checks in order. A failure is told with what worked before it; success only if asked for. */
async function probe(checks: readonly Check[], verbose: boolean): Promise<Answer> {
  let report = '';
  let failed = false;
  for (const { name, run } of checks) {
    try {
      await run();
      report += `[+]${name} ok\n`;
    } catch (error) {
      failed = true;
      report += `[-]${name} failed: ${messageOf(error)}\n`;
    }
  }
  const contentType = 'text/plain; charset=utf-8';
  return failed
    ? { status: 503, contentType, body: report }
    : { status: 200, contentType, body: verbose ? `${report}ok\n` : 'ok\n' };
}

function serializableRead({ member }: HttpApiOptions): Check {
  return {
    name: 'serializable_read',
    run: async () => {
      readSomething(member);
      return Promise.resolve();
    },
  };
}

function linearizableRead({ member, clock, timeoutMaxMs }: HttpApiOptions): Check {
  return {
    name: 'linearizable_read',
    run: async () => {
      await member.linearize({ deadlineMs: clock.monotonicMs() + timeoutMaxMs });
      readSomething(member);
    },
  };
}

/** One key is enough, and it need not exist. */
function readSomething(member: Member): void {
  member.store.range(RangeRequest.create({ key: new Uint8Array([0]), keysOnly: true, limit: 1 }));
}

function json(status: number, content: object): Answer {
  return { status, contentType: 'application/json', body: JSON.stringify(content) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
