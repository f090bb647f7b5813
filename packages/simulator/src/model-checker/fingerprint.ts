import type { Cluster, ClusterModel } from './cluster.ts';

/**
 * Hashes of states that are the same for all states that only differ in the names of the members: the smallest
 * over all renamings. For each renaming the hashes of the parts are added up, since the parts (members, each of
 * which knows its own name, and messages) form a set. So the hash of a state that differs little from another
 * one costs little.
 *
 * All numbers are 32-bit integers with sign, which are the fast ones.
 */
export class Fingerprinter {
  readonly #model: ClusterModel;
  /** For each renaming, the low and the high sum of `#base`, and those of the state asked for. */
  readonly #baseSums: Int32Array;
  readonly #sums: Int32Array;
  #base: Cluster | null = null;
  low = 0;
  high = 0;

  constructor(model: ClusterModel) {
    this.#model = model;
    this.#baseSums = new Int32Array(model.symmetry.count * 2);
    this.#sums = new Int32Array(model.symmetry.count * 2);
  }

  /** The states asked for next are like this one. */
  setBase(cluster: Cluster): void {
    this.#base = cluster;
    const sums = this.#baseSums;
    sums.set(cluster.history.hashes);
    for (const { hashes } of cluster.members) add(sums, hashes);
    for (const number of cluster.network) add(sums, this.#model.tables.messages.at(number).hashes);
  }

  /** Leaves the fingerprint of a state in `low` and `high`. */
  compute(cluster: Cluster): void {
    if (this.#base === null) this.setBase(cluster);
    const sums = this.#sums;
    sums.set(this.#baseSums);
    this.#addDifferences(cluster, sums);
    // Spreads the few numbers of `used` over all bits.
    const salt = mix(cluster.used + 1);
    this.low = 0;
    this.high = 0;
    for (let at = 0; at < sums.length; at += 2) {
      const low = mix((sums[at] ?? 0) ^ salt);
      const high = mix(((sums[at + 1] ?? 0) + salt) | 0);
      if (at === 0 || high < this.high || (high === this.high && low < this.low)) {
        this.low = low;
        this.high = high;
      }
    }
  }

  #addDifferences(cluster: Cluster, sums: Int32Array): void {
    const base = this.#base;
    if (base === null || base === cluster) return;
    if (cluster.history !== base.history) {
      subtract(sums, base.history.hashes);
      add(sums, cluster.history.hashes);
    }
    for (let at = 0; at < cluster.members.length; at++) {
      const before = base.members[at];
      const after = cluster.members[at];
      if (before === after || before === undefined || after === undefined) continue;
      subtract(sums, before.hashes);
      add(sums, after.hashes);
    }
    if (cluster.network !== base.network) this.#addNetworkDifferences(base.network, cluster.network, sums);
  }

  #addNetworkDifferences(before: readonly number[], after: readonly number[], sums: Int32Array): void {
    const { messages } = this.#model.tables;
    let one = 0;
    let other = 0;
    while (one < before.length || other < after.length) {
      const left = before[one] ?? Infinity;
      const right = after[other] ?? Infinity;
      if (left === right) {
        one++;
        other++;
      } else if (left < right) {
        subtract(sums, messages.at(left).hashes);
        one++;
      } else {
        add(sums, messages.at(right).hashes);
        other++;
      }
    }
  }
}

function add(sums: Int32Array, hashes: Int32Array): void {
  for (let at = 0; at < sums.length; at++) sums[at] = ((sums[at] ?? 0) + (hashes[at] ?? 0)) | 0;
}

function subtract(sums: Int32Array, hashes: Int32Array): void {
  for (let at = 0; at < sums.length; at++) sums[at] = ((sums[at] ?? 0) - (hashes[at] ?? 0)) | 0;
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
