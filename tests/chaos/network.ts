/**
 * What can be wrong with a path. Several things may be wrong at once.
 *
 * - `hold`: nothing arrives; what is sent arrives when this is over, as TCP would send it again.
 * - `refuse`: connections break, and new ones come to nothing.
 * - `delay`: everything arrives so much later.
 * - `throttle`: no more than this gets through.
 */
export type Disturbance =
  | { readonly kind: 'hold' }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number };

/** What the connections of a path go by. */
export type Conditions = {
  readonly isHeld: boolean;
  readonly isRefused: boolean;
  readonly delayMs: number;
  /** Infinity if nothing limits it. */
  readonly bytesPerSecond: number;
};

/** Somebody who sends bytes: a member by its name, or all clients together. */
export type Party = string;

export const clientsParty: Party = 'clients';

/** The way from one party to another. */
export type Path = { readonly from: Party; readonly to: Party };

/** A connection that goes through the network. */
export type Link = {
  /** Who dialled, or null as long as that is not known: nothing is ever wrong with such a link. */
  readonly dialler: Party | null;
  readonly dialled: Party;
  /** The conditions of its paths may have changed. */
  conditionsChanged(): void;
  /** Both ends are told that the connection broke. */
  reset(): void;
};

/** Knows what is wrong with each path, and all connections that go through proxies. */
export class Network {
  readonly #disturbances = new Set<{ readonly path: Path; readonly disturbance: Disturbance }>();
  readonly #links = new Set<Link>();
  readonly #names = new Map<bigint, Party>();
  #chunks = 0;

  /** Pieces of data that went through so far. */
  get chunks(): number {
    return this.#chunks;
  }

  countChunk(): void {
    this.#chunks += 1;
  }

  /** Members introduce themselves to each other by numbers: says whose this is. */
  introduce(id: bigint, name: Party): void {
    this.#names.set(id, name);
  }

  nameOf(id: bigint): Party | null {
    return this.#names.get(id) ?? null;
  }

  conditionsOf(from: Party | null, to: Party | null): Conditions {
    let isHeld = false;
    let isRefused = false;
    let delayMs = 0;
    let bytesPerSecond = Infinity;
    for (const { path, disturbance } of this.#disturbances) {
      if (path.from !== from || path.to !== to) {
        continue;
      }
      switch (disturbance.kind) {
        case 'hold':
          isHeld = true;
          break;
        case 'refuse':
          isRefused = true;
          break;
        case 'delay':
          delayMs += disturbance.delayMs;
          break;
        case 'throttle':
          bytesPerSecond = Math.min(bytesPerSecond, disturbance.bytesPerSecond);
          break;
      }
    }
    return { isHeld, isRefused, delayMs, bytesPerSecond };
  }

  /** Something goes wrong with these paths. The function that it returns makes it right again. */
  disturb(paths: readonly Path[], disturbance: Disturbance): () => void {
    const added = paths.map((path) => ({ path, disturbance }));
    for (const item of added) {
      this.#disturbances.add(item);
    }
    this.#tellLinks();
    return () => {
      for (const item of added) {
        this.#disturbances.delete(item);
      }
      this.#tellLinks();
    };
  }

  /** Breaks the connections that use any of these paths: what was on its way is lost. Returns how many. */
  reset(paths: readonly Path[]): number {
    const affected = [...this.#links].filter(({ dialler, dialled }) =>
      paths.some(
        ({ from, to }) => (from === dialler && to === dialled) || (from === dialled && to === dialler),
      ),
    );
    for (const link of affected) {
      link.reset();
    }
    return affected.length;
  }

  /** Breaks every connection. */
  resetAll(): void {
    for (const link of this.#links) {
      link.reset();
    }
  }

  add(link: Link): void {
    this.#links.add(link);
  }

  remove(link: Link): void {
    this.#links.delete(link);
  }

  #tellLinks(): void {
    for (const link of this.#links) {
      link.conditionsChanged();
    }
  }
}
