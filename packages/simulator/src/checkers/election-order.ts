import type { Violation } from '../cluster/run-observer.ts';
import type { LeaderSighting, LockTurn, Proclamation } from '../workload/lock-record.ts';

/** What clients were told of the leaders of an election. */
export type ElectionHistory = {
  readonly turns: readonly LockTurn[];
  readonly proclamations: readonly Proclamation[];
  readonly sightings: readonly LeaderSighting[];
};

/** Somebody was told that a leader had got as far as this: the revision that made its key, and that of its value. */
type Told = {
  readonly who: string;
  readonly toldUs: number;
  readonly token: number;
  readonly revision: number;
};

/**
 * Whoever asks who leads is told no earlier leader, and no earlier value of the same one, than anybody was told before
 * it asked: by being elected, by proclaiming, or by asking. And the value is the one that was proclaimed.
 */
export function checkElectionOrder(history: ElectionHistory): Violation | null {
  const { turns, proclamations, sightings } = history;
  const told: readonly Told[] = [
    ...turns.map(({ client, token, toldUs }) => ({ who: client, toldUs, token, revision: token })),
    ...proclamations.map(({ client, ...rest }) => ({ who: client, ...rest })),
    ...sightings.map(({ client, ...rest }) => ({ who: client, ...rest })),
  ];
  const valueOf = new Map(proclamations.map(({ revision, value }) => [revision, value]));
  for (const sighting of sightings) {
    const { client, askedUs, token, revision, value } = sighting;
    const saw = `${client}, who asked at ${askedUs} us, saw ${token} lead with the value of ${revision}`;
    const earlier = told.find((one) => one.toldUs < askedUs && isBefore(sighting, one));
    if (earlier !== undefined) {
      const { who, toldUs } = earlier;
      return violation(
        `${who} was told of ${earlier.token} and ${earlier.revision} at ${toldUs} us, and ${saw}`,
      );
    }
    const proclaimed = valueOf.get(revision) ?? value;
    if (value !== proclaimed) return violation(`${saw}, ${value}, and ${proclaimed} was proclaimed`);
  }
  return null;
}

type Position = { readonly token: number; readonly revision: number };

function isBefore(one: Position, other: Position): boolean {
  return one.token < other.token || (one.token === other.token && one.revision < other.revision);
}

function violation(explanation: string): Violation {
  return { property: 'election-order', explanation };
}
