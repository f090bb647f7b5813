import type { IncomingMessage, ServerResponse } from 'node:http';
import { etcdVersion } from '../api/etcd-version.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { MetricsText } from '../metrics/member-registry.ts';
import { type Answer, json } from './answer.ts';
import { answerHealth, answerProbe, type HealthOptions, isProbe } from './health.ts';

export type HttpApiOptions = HealthOptions & {
  /** Null if calls are not served here. */
  readonly gateway: Gateway | null;
  readonly metrics: () => Promise<MetricsText>;
};

/**
 * What is answered over HTTP/1.1, in the shapes that etcd's users know: the gateway, `/metrics`, `/version`,
 * `/health`, and the probes `/livez` (this process works) and `/readyz` (and it can serve).
 */
export function createHttpApi(
  options: HttpApiOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    // The target is compared, never resolved: what is no plain path is nothing that is served.
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    if (options.gateway?.serves(path) === true) {
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
  const isServed = ['/version', '/health', '/metrics'].includes(path) || isProbe(path);
  if (!isServed) {
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
      return answerHealth(query, options);
    default:
      return answerProbe(path, query, options);
  }
}
