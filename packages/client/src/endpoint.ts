import { QuorateError } from './quorate-error.ts';

/** The address of one member's client port. */
export type Endpoint = {
  /** `host:port`, as messages show it and results name it. IPv6 hosts stand in brackets. */
  readonly address: string;
  /** The same for gRPC's resolver. */
  readonly target: string;
};

const pattern = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\[[0-9a-f:.]+\]|[^\s/:@[\]?#]+):(\d{1,5})\/?$/i;

/** Reads `host:port` or `http://host:port`. Throws `invalid-argument`. */
export function parseEndpoint(text: string): Endpoint {
  const match = pattern.exec(text.trim());
  const [, scheme = 'http', host, portText] = match ?? [];
  const port = Number(portText);
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw new QuorateError('invalid-argument', `not an endpoint: ${JSON.stringify(text)}`, {
      hint: 'Write host:port or http://host:port, for example 127.0.0.1:2379.',
    });
  }
  if (scheme.toLowerCase() === 'https') {
    throw new QuorateError('invalid-argument', `TLS is not supported yet: ${text}`, {
      hint: `Use http://${host}:${port} if the cluster serves without TLS.`,
    });
  }
  if (scheme.toLowerCase() !== 'http') {
    throw new QuorateError('invalid-argument', `not an http endpoint: ${text}`);
  }
  const address = `${host}:${port}`;
  return { address, target: `dns:///${address}` };
}

/** Reads one or more endpoints: a list, or one string with commas between them. Throws `invalid-argument`. */
export function parseEndpoints(endpoints: string | readonly string[]): readonly Endpoint[] {
  const texts = typeof endpoints === 'string' ? endpoints.split(',') : endpoints;
  const parsed = texts.filter((text) => text.trim() !== '').map(parseEndpoint);
  if (parsed.length === 0) throw new QuorateError('invalid-argument', 'no endpoint given');
  return [...new Map(parsed.map((endpoint) => [endpoint.address, endpoint])).values()];
}
