import type { RandomStream } from '../kernel/random-stream.ts';

/** However slow a path is, nothing is on its way for longer than this. */
const DELAY_MAX_US = 3_000_000;

/** How the network behaves in a run, beside partitions and other events that are injected one by one. */
export type NetworkProfile = {
  /** The mean one-way delay between two hosts. Each direction of each pair draws its own around this. */
  readonly delayMeanUs: number;
  /** Probability that a message needs retransmission: it, and all behind it, are late by `retransmitUs`. */
  readonly retransmitChance: number;
  readonly retransmitUs: number;
  /** Probability that a message vanishes without anyone being told. */
  readonly lossChance: number;
  /** Probability that a message arrives twice. */
  readonly duplicateChance: number;
  /** Probability that a message overtakes or is overtaken. */
  readonly reorderChance: number;
  /** Probability, for each message, that the connection breaks with it in flight. */
  readonly resetChance: number;
};

/** The state of every direction between two hosts: is it blocked, how slow is it. Hosts are numbered from 0. */
export class Paths {
  private retransmitChance: number;
  private readonly retransmitUs: number;
  private readonly random: RandomStream;
  private readonly hostCount: number;
  private readonly meanUs: number[] = [];
  private readonly extraUs: number[] = [];
  private readonly blocks: number[] = [];

  constructor(hostCount: number, profile: NetworkProfile, random: RandomStream) {
    this.hostCount = hostCount;
    this.retransmitChance = profile.retransmitChance;
    this.retransmitUs = profile.retransmitUs;
    this.random = random;
    for (let path = 0; path < hostCount * hostCount; path += 1) {
      this.meanUs.push(profile.delayMeanUs * (0.5 + random.fraction()));
      this.extraUs.push(0);
      this.blocks.push(0);
    }
  }

  /** Several causes may block the same direction; it is open again when each of them is gone. */
  block(from: number, to: number): void {
    this.changeBlocks(from, to, 1);
  }

  unblock(from: number, to: number): void {
    this.changeBlocks(from, to, -1);
  }

  isBlocked(from: number, to: number): boolean {
    return (this.blocks[this.pathOf(from, to)] ?? 0) > 0;
  }

  /** Everything in this direction takes about `extraUs` longer from now on; 0 is normal. */
  slowDown(from: number, to: number, extraUs: number): void {
    this.extraUs[this.pathOf(from, to)] = extraUs;
  }

  /** How long something that is sent now takes. */
  delayUs(from: number, to: number): number {
    const path = this.pathOf(from, to);
    const meanUs = (this.meanUs[path] ?? 0) + (this.extraUs[path] ?? 0);
    const lateUs = this.random.chance(this.retransmitChance) ? this.retransmitUs : 0;
    return Math.min(meanUs * 0.5 + this.random.exponential(meanUs * 0.5) + lateUs, DELAY_MAX_US);
  }

  /** Opens every direction, takes away every slowness, and retransmits nothing any more. */
  heal(): void {
    this.retransmitChance = 0;
    this.blocks.fill(0);
    this.extraUs.fill(0);
  }

  private changeBlocks(from: number, to: number, change: number): void {
    const path = this.pathOf(from, to);
    this.blocks[path] = Math.max(0, (this.blocks[path] ?? 0) + change);
  }

  private pathOf(from: number, to: number): number {
    return from * this.hostCount + to;
  }
}
