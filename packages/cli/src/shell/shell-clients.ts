import type { QuorateClient } from '@quorate/client';
import { type ClientSource, type ConnectionOptions, endpointsOf, openClient } from '../connection.ts';
import type { Context } from '../context.ts';

/**
 * Keeps the client of the last command open for the next one, so that a shell does not connect for each line.
 * Options given to the shell hold for every command that does not give its own.
 */
export class ShellClients implements ClientSource, AsyncDisposable {
  readonly #defaults: ConnectionOptions;
  #kept: { readonly key: string; readonly client: QuorateClient } | null = null;

  constructor(defaults: ConnectionOptions) {
    this.#defaults = defaults;
  }

  async use<Result>(
    given: ConnectionOptions,
    context: Context,
    work: (client: QuorateClient) => Promise<Result>,
  ): Promise<Result> {
    const options = { ...this.#defaults, ...given };
    const key = JSON.stringify([endpointsOf(options, context), options.timeout]);
    if (this.#kept?.key !== key) {
      await this.#kept?.client.close();
      this.#kept = null;
      this.#kept = { key, client: openClient(options, context) };
    }
    return work(this.#kept.client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept?.client.close();
  }
}
