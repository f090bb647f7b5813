import { isIP } from 'node:net';
import { MalformedValue } from './configuration-error.ts';
import { scalarText, type ValueType } from './value-type.ts';

/** Where to listen or to connect. */
export type NetworkAddress = {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose, for listening only. */
  readonly port: number;
};

/**
 * Splits a base URL such as `http://127.0.0.1:2379`. Throws `MalformedValue` for anything that is not
 * `http://HOST:PORT`: a port that is left out, a path or a user are mistakes here, not details.
 */
export function parseUrl(url: string): NetworkAddress {
  if (/^https:\/\//i.test(url))
    throw new MalformedValue(`"${url}" asks for TLS, which is not built yet; use http://`);
  if (/^unixs?:\/\//i.test(url))
    throw new MalformedValue(`"${url}" is a Unix socket, which is not built yet; use http://`);
  const match = /^http:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})\/?$/.exec(url);
  const host = match?.[1]?.replace(/^\[|\]$/g, '') ?? '';
  const port = Number(match?.[2] ?? Number.NaN);
  const bracketed = url.includes('[');
  if (match === null || port > 65_535 || (bracketed && isIP(host) !== 6)) {
    throw new MalformedValue(
      `"${url}" is no base URL; write it as http://HOST:PORT, such as http://127.0.0.1:2379`,
    );
  }
  return { host, port };
}

/** The base URL of an address, in the one form that comparisons rely on. */
export function formatUrl(address: NetworkAddress): string {
  const host = address.host.toLowerCase();
  return isIP(host) === 6 ? `http://[${host}]:${address.port}` : `http://${host}:${address.port}`;
}

/** Whether only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Whether the host means every interface, which is a place to listen but none to connect to. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Where to listen: one base URL or several. */
export const listenUrls: ValueType<readonly string[]> = urlList(() => undefined);

/** Where others connect to: one base URL or several, each with a host and a port that others can use. */
export const advertiseUrls: ValueType<readonly string[]> = urlList((url, address) => {
  if (isWildcard(address.host)) {
    throw new MalformedValue(`"${url}" cannot be connected to; advertise an address that others can reach`);
  }
  if (address.port === 0)
    throw new MalformedValue(`"${url}" cannot be connected to; advertise a port other than 0`);
});

/** Parses one URL that others connect to and gives it its one form. Throws `MalformedValue`. */
export function parseAdvertisedUrl(url: string): string {
  const [first] = advertiseUrls.parseText(url);
  if (first === undefined) throw new MalformedValue('is empty; give a base URL');
  return first;
}

function urlList(check: (url: string, address: NetworkAddress) => void): ValueType<readonly string[]> {
  const parseList = (parts: readonly string[]): readonly string[] => {
    const urls = parts.map((part) => {
      const address = parseUrl(part.trim());
      check(part.trim(), address);
      return formatUrl(address);
    });
    const repeated = urls.find((url, position) => urls.indexOf(url) !== position && !url.endsWith(':0'));
    if (repeated !== undefined) throw new MalformedValue(`names ${repeated} twice; give each URL once`);
    return urls;
  };
  return {
    description: 'base URLs `http://HOST:PORT`, separated by commas',
    placeholder: 'URLS',
    parseText: (value) => parseList(value.split(',')),
    parseFileValue: (value) =>
      Array.isArray(value) && value.length > 0
        ? parseList(value.map(scalarText))
        : parseList(scalarText(value).split(',')),
    format: (urls) => urls.join(','),
  };
}
