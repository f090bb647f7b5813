import { hash } from 'node:crypto';
import { canonicalText } from './canonical-text.ts';

/**
 * Exchanging the members of a cluster changes nothing that matters, so only one of the states that arise from
 * each other that way needs to be searched. That holds as long as no decision depends on the order of ids: the
 * core has one that does (who campaigns first after the leader's connection closed), and the event behind it is
 * not part of the model, since "campaign" at any moment covers what it leads to.
 */
export class Symmetry {
  readonly #renamings: readonly ((id: bigint) => bigint)[];

  constructor(members: number, enabled = true) {
    const ids = Array.from({ length: members }, (_, index) => BigInt(index + 1));
    const orders = enabled ? permutationsOf(ids) : [ids];
    this.#renamings = orders.map((order) => (id) => order[Number(id) - 1] ?? id);
  }

  /** How many renamings there are, the identity first. */
  get count(): number {
    return this.#renamings.length;
  }

  /** A 64-bit hash of the data under each renaming, as pairs of 32-bit integers. */
  hashesOf(value: unknown): Int32Array {
    const hashes = new Int32Array(this.count * 2);
    for (const [index, rename] of this.#renamings.entries()) {
      const digest = hash('sha1', canonicalText(value, rename), 'buffer');
      hashes[index * 2] = digest.readInt32LE(0);
      hashes[index * 2 + 1] = digest.readInt32LE(4);
    }
    return hashes;
  }
}

export const identity = (id: bigint): bigint => id;

function permutationsOf<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, position) =>
    permutationsOf(items.toSpliced(position, 1)).map((rest) => [item, ...rest]),
  );
}
