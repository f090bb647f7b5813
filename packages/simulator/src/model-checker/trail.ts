import assert from 'node:assert/strict';
import type { MemberId, Term } from '@quorate/raft';
import type { Choice, Cluster, ClusterModel } from './cluster.ts';
import { describeEvent, describeMessage } from './member-event.ts';
import { startOf } from './start.ts';
import type { MemberRow } from './tables.ts';

/** One event on the way to a violation, and what it changed, in words. */
export type TrailStep = { readonly event: string; readonly consequences: readonly string[] };

/** How each state was reached first: from which state, and by which of its choices. Six bytes a state. */
export class Trail {
  #parents = new Uint32Array(1 << 16);
  #ordinals = new Uint16Array(1 << 16);
  #size = 0;

  add(parent: number, ordinal: number): void {
    assert(ordinal < 2 ** 16, 'a state has fewer choices');
    if (this.#size === this.#parents.length) {
      this.#parents = grown(this.#parents, new Uint32Array(this.#size * 2));
      this.#ordinals = grown(this.#ordinals, new Uint16Array(this.#size * 2));
    }
    this.#parents[this.#size] = parent;
    this.#ordinals[this.#size] = ordinal;
    this.#size++;
  }

  /** Goes the way to state `number` once more, then the last choice, and tells it. */
  retrace(model: ClusterModel, number: number, last: Choice): readonly TrailStep[] {
    const ordinals: number[] = [];
    for (let at = number; at !== 0; at = this.#parents[at] ?? 0) ordinals.push(this.#ordinals[at] ?? 0);
    let cluster = startOf(model, model.bounds.start);
    const steps: TrailStep[] = [];
    for (const ordinal of ordinals.reverse()) {
      const choice = model.choices(cluster)[ordinal];
      assert(choice !== undefined);
      const outcome = model.take(cluster, choice);
      assert(outcome.type === 'next', 'the way was possible before');
      steps.push(tell(model, cluster, choice, outcome.cluster));
      cluster = outcome.cluster;
    }
    steps.push(tell(model, cluster, last, null));
    return steps;
  }
}

export function formatTrail(trail: readonly TrailStep[]): string {
  return trail
    .flatMap(({ event, consequences }, index) => [
      `${String(index + 1).padStart(3)}. ${event}`,
      ...consequences.map((line) => `       ${line}`),
    ])
    .join('\n');
}

function tell(model: ClusterModel, before: Cluster, choice: Choice, after: Cluster | null): TrailStep {
  const row = before.members[choice.at];
  if (row === undefined) return { event: 'half an election timeout passes', consequences: [] };
  const event = describeEvent(row.member.core.id, model.tables.events.at(choice.event).event);
  const next = after?.members[choice.at];
  if (after === null || next === undefined) return { event, consequences: [] };
  const sent = after.network
    .filter((number) => !before.network.includes(number))
    .map((number) => `sends ${describeMessage(model.tables.messages.at(number).message)}`);
  const now = describeMember(model, next);
  return { event, consequences: now === describeMember(model, row) ? sent : [now, ...sent] };
}

function describeMember(model: ClusterModel, { member, log, diskLog }: MemberRow): string {
  const { core, disk, writing } = member;
  const { role, term, vote, commit } = core;
  const show = (entries: readonly number[]): string =>
    entries.map((number) => describeEntry(model, number)).join(' ') || 'nothing';
  const onDisk = `disk: term ${disk.hardState.term}${voteText(disk.hardState.vote)}, log ${show(diskLog)}`;
  const memory = `${role.kind} of term ${term}${voteText(vote)}, log ${show(log)}, commit ${commit}`;
  return `${nameOf(core.id)} is ${memory}; ${onDisk}${writing.length === 0 ? '' : `, ${writing.length} writes under way`}`;
}

function describeEntry(model: ClusterModel, number: number): string {
  const entry = model.tables.entryAt(number);
  const what = entry.kind === 'command' ? `c${entry.data[0]}` : entry.kind;
  return `${entry.term satisfies Term}:${what}`;
}

function voteText(vote: MemberId | null): string {
  return vote === null ? '' : ` (voted ${nameOf(vote)})`;
}

function nameOf(id: MemberId): string {
  return `n${id}`;
}

function grown<Buffer extends { set(other: Buffer): void }>(old: Buffer, larger: Buffer): Buffer {
  larger.set(old);
  return larger;
}
