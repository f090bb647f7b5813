import type { Cluster, ClusterModel } from './cluster.ts';

/**
 * States that wait to be continued, packed into numbers: a state of three members takes a hundred bytes or so.
 * First in, first out.
 */
export class Frontier {
  readonly #model: ClusterModel;
  #words = new Uint32Array(1 << 16);
  #written = 0;
  #read = 0;

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  get isEmpty(): boolean {
    return this.#read === this.#written;
  }

  push(cluster: Cluster): void {
    const { members, history, used, network } = cluster;
    const length = members.length + 3 + network.length;
    if (this.#written + length > this.#words.length) this.#makeRoom(length);
    const words = this.#words;
    let at = this.#written;
    for (const row of members) words[at++] = row.number;
    words[at++] = history.number;
    words[at++] = used;
    words[at++] = network.length;
    for (const number of network) words[at++] = number;
    this.#written = at;
  }

  /** The oldest state. Must not be called on an empty frontier. */
  shift(): Cluster {
    const { tables, bounds } = this.#model;
    const words = this.#words;
    const members = [];
    let at = this.#read;
    for (let index = 0; index < bounds.members; index++) members.push(tables.members.at(words[at++] ?? 0));
    const history = tables.histories.at(words[at++] ?? 0);
    const used = words[at++] ?? 0;
    const length = words[at++] ?? 0;
    const network = [];
    for (let index = 0; index < length; index++) network.push(words[at++] ?? 0);
    this.#read = at;
    return { members, history, used, network };
  }

  /** Moves what is left to the front, into a larger buffer if less than half of it is free. */
  #makeRoom(length: number): void {
    const left = this.#written - this.#read;
    let capacity = this.#words.length;
    while (left + length > capacity / 2) capacity *= 2;
    const words = new Uint32Array(capacity);
    words.set(this.#words.subarray(this.#read, this.#written));
    this.#words = words;
    this.#read = 0;
    this.#written = left;
  }
}
