import assert from 'node:assert/strict';
import type { Message } from '@quorate/raft';
import type { Start } from './bounds.ts';
import type { Choice, Cluster, ClusterModel } from './cluster.ts';
import type { MemberEvent } from './member-event.ts';
import { usedOf, useOne } from './used.ts';

/** Plays the events that lead to a start. Throws an AssertionError if they break an invariant. */
export function startOf(model: ClusterModel, start: Start): Cluster {
  const prelude = new Prelude(model);
  switch (start) {
    case 'founded':
      break;
    case 'elected':
      prelude.outlastPromises();
      prelude.elect(0, [0, 1, 2]);
      prelude.settle([0, 1, 2]);
      prelude.loseMessages();
      break;
    case 'contested':
      prelude.elect(0, [0, 1, 2]);
      prelude.settle([0, 1, 2]);
      prelude.loseMessages();
      prelude.propose(0);
      prelude.elect(1, [1, 2]);
      prelude.propose(1);
      prelude.receive(0, 'heartbeat-request');
      prelude.loseMessages();
      prelude.elect(0, [0, 2]);
      prelude.loseMessages((message) => message.type === 'append-request');
      break;
  }
  return prelude.cluster;
}

const electionTimeoutHalves = 2;

/** Plays events in a fixed order. */
class Prelude {
  readonly #model: ClusterModel;
  cluster: Cluster;

  constructor(model: ClusterModel) {
    this.#model = model;
    this.cluster = model.initial();
  }

  /** Who has just started respects for a while the leases that it may have promised to respect before. */
  outlastPromises(): void {
    if (this.#model.bounds.time === 0) return;
    for (let half = 0; half < electionTimeoutHalves; half++) {
      this.cluster = { ...this.cluster, used: useOne(this.cluster.used, 'time') };
    }
  }

  /** Lets a member campaign, and these members (itself among them) talk until it leads. */
  elect(at: number, among: readonly number[]): void {
    for (const follower of among) this.#takeIfPossible(follower, (event) => event.type === 'lose-patience');
    this.#takeIfPossible(at, (event) => event.type === 'campaign');
    while (!this.#leads(at) && this.#talk(among));
    assert(this.#leads(at), 'the prelude elects its candidate');
  }

  /** Lets a member have the messages of this type that are under way to it. */
  receive(at: number, type: Message['type']): void {
    while (
      this.#takeFirst(
        (choice, event) => choice.at === at && event.type === 'deliver' && event.message.type === type,
      )
    );
  }

  /** Lets these members talk until nothing happens any more. */
  settle(among: readonly number[]): void {
    while (this.#talk(among));
  }

  /** Gives a leader a command, if the bounds allow one more; it stays with it. */
  propose(at: number): void {
    if (usedOf(this.cluster.used, 'commands') >= this.#model.bounds.commands) return;
    this.#takeIfPossible(at, (event) => event.type === 'propose');
    while (this.#takeFirst((choice, event) => choice.at === at && event.type === 'persist'));
  }

  loseMessages(isKept: (message: Message) => boolean = () => false): void {
    const { messages } = this.#model.tables;
    const network = this.cluster.network.filter((number) => isKept(messages.at(number).message));
    this.cluster = { ...this.cluster, network };
  }

  #leads(at: number): boolean {
    return this.cluster.members[at]?.member.core.role.kind === 'leader';
  }

  /** One message between these members, or one of their writes. */
  #talk(among: readonly number[]): boolean {
    return this.#takeFirst(
      (choice, event) =>
        among.includes(choice.at) &&
        (event.type === 'persist' ||
          (event.type === 'deliver' &&
            event.message.term >= this.#termOf(among) &&
            among.includes(Number(event.message.from) - 1))),
    );
  }

  #termOf(among: readonly number[]): number {
    return Math.max(...among.map((at) => this.cluster.members[at]?.member.core.term ?? 0));
  }

  /** Messages arrive once here, or talking would never end. */
  #takeOffNetwork(message: Message): void {
    const { number } = this.#model.tables.messages.intern(message);
    this.cluster = { ...this.cluster, network: this.cluster.network.filter((other) => other !== number) };
  }

  #takeIfPossible(at: number, isWanted: (event: MemberEvent) => boolean): void {
    this.#takeFirst((choice, event) => choice.at === at && isWanted(event));
  }

  /** Takes the first wanted choice that changes something. */
  #takeFirst(isWanted: (choice: Choice, event: MemberEvent) => boolean): boolean {
    for (const choice of this.#model.choices(this.cluster)) {
      if (choice.at < 0) continue;
      const { event } = this.#model.tables.events.at(choice.event);
      if (!isWanted(choice, event)) continue;
      if (event.type === 'deliver') this.#takeOffNetwork(event.message);
      const outcome = this.#model.take(this.cluster, choice);
      if (outcome.type === 'violation') assert.fail(`on the way to the start: ${outcome.reason}`);
      if (outcome.type === 'next') {
        this.cluster = outcome.cluster;
        return true;
      }
    }
    return false;
  }
}
