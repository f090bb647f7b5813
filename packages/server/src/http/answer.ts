/** What is answered to a request that is no call of the gateway. */
export type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export function json(status: number, content: object): Answer {
  return { status, contentType: 'application/json', body: JSON.stringify(content) };
}

export function plainText(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}
