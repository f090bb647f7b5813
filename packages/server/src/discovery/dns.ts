import { lookup, Resolver } from 'node:dns/promises';

/** Where a service is, as an SRV record says (RFC 2782). The host may end with the dot of the root. */
export type ServiceRecord = { readonly host: string; readonly port: number };

/** What is asked of DNS. What does not exist is an empty list; whatever else goes wrong rejects. */
export interface Dns {
  /** The SRV records of a name such as `_etcd-server._tcp.example.com`, in no order. */
  services(name: string): Promise<readonly ServiceRecord[]>;
  /** The IP addresses of a host, as connecting to it would use them. An address is its own. */
  addresses(host: string): Promise<readonly string[]>;
  /** Nobody waits for answers any longer. */
  cancel(): void;
}

/** How long a name server may take to answer, in milliseconds, and how often it is asked. */
const answerTimeoutMs = 2_000;
const triesMax = 2;

/** DNS as this host is configured to use it, or as `resolver` is. */
export class SystemDns implements Dns {
  readonly #resolver: Resolver;

  constructor(resolver: Resolver = new Resolver({ timeout: answerTimeoutMs, tries: triesMax })) {
    this.#resolver = resolver;
  }

  async services(name: string): Promise<readonly ServiceRecord[]> {
    const records = await this.#resolver.resolveSrv(name).catch(emptyIfAbsent);
    return records.map((record) => ({ host: record.name, port: record.port }));
  }

  async addresses(host: string): Promise<readonly string[]> {
    const found = await lookup(host, { all: true }).catch(emptyIfAbsent);
    return found.map(({ address }) => address);
  }

  cancel(): void {
    this.#resolver.cancel();
  }
}

/** The name does not exist, or has no records of the kind. */
const absentCodes: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

function emptyIfAbsent(error: unknown): readonly never[] {
  if (error instanceof Error && 'code' in error && absentCodes.has(error.code)) return [];
  throw error;
}
