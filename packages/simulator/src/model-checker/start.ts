import assert from 'node:assert/strict';
import type { Message } from '@quorate/raft';
import type { Start } from './bounds.ts';
import type { Choice, Cluster, ClusterModel } from './cluster.ts';
import type { MemberEvent } from './member-event.ts';
import { usedOf } from './used.ts';

/** Plays the events that lead to a start. Throws an AssertionError if they break an invariant. */
export function startOf(model: ClusterModel, start: Start): Cluster {
  const prelude = new Prelude(model);
  switch (start) {
    case 'founded':
      break;
    case 'elected':
      prelude.elect(0, [0, 1, 2]);
      break;
    case 'contested':
      prelude.elect(0, [0, 1, 2]);
      prelude.propose(0);
      prelude.loseMessages();
      prelude.elect(1, [1, 2]);
      prelude.propose(1);
      break;
  }
  prelude.loseMessages();
  return prelude.cluster;
}

/** Plays events in a fixed order. */
class Prelude {
  readonly #model: ClusterModel;
  cluster: Cluster;

  constructor(model: ClusterModel) {
    this.#model = model;
    this.cluster = model.initial();
  }

  /** Lets a member campaign, and these members (itself among them) talk until nothing happens any more. */
  elect(at: number, among: readonly number[]): void {
    for (const follower of among) this.#takeIfPossible(follower, (event) => event.type === 'lose-patience');
    this.#takeIfPossible(at, (event) => event.type === 'campaign');
    const isWanted = (choice: Choice, event: MemberEvent): boolean =>
      among.includes(choice.at) &&
      (event.type === 'persist' ||
        (event.type === 'deliver' && among.includes(Number(event.message.from) - 1)));
    while (this.#takeFirst(isWanted));
    const leader = this.cluster.members[at]?.member.core;
    assert.equal(leader?.role.kind, 'leader', 'the prelude elects its candidate');
  }

  /** Gives a leader a command, if the bounds allow one more; it stays with it. */
  propose(at: number): void {
    if (usedOf(this.cluster.used, 'commands') >= this.#model.bounds.commands) return;
    this.#takeIfPossible(at, (event) => event.type === 'propose');
    while (this.#takeFirst((choice, event) => choice.at === at && event.type === 'persist'));
  }

  loseMessages(): void {
    this.cluster = { ...this.cluster, network: [] };
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
