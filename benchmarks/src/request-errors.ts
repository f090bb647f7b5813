import { QuorateError } from '@quorate/client';

/** How many requests failed with each code, and what one of them was told. */
export type RequestErrors = Readonly<Record<string, { readonly count: number; readonly example: string }>>;

/** Counts requests that failed: they are in no latency, and must not be hidden. */
export class RequestErrorCounts {
  readonly #counts: Record<string, { count: number; example: string }> = {};

  get counts(): RequestErrors {
    return this.#counts;
  }

  record(error: unknown): void {
    const code = error instanceof QuorateError ? error.code : 'other';
    const example = error instanceof Error ? error.message : String(error);
    this.#counts[code] = { count: (this.#counts[code]?.count ?? 0) + 1, example };
  }
}
