import assert from 'node:assert/strict';
import type { MemberId } from '@quorate/raft';
import type { ClusterHistory, CommittedEntry } from './history.ts';
import type { MemberRow, MemberStepRow, Tables } from './tables.ts';

/**
 * The properties that only someone who sees the whole cluster can check (Raft, figure 3), after an event that
 * took `members[changed]` to its present state. Returns the history with what is new; the same object if
 * nothing is. Throws an AssertionError.
 */
export function checkCluster(
  tables: Tables,
  members: readonly MemberRow[],
  changed: number,
  step: Extract<MemberStepRow, { type: 'step' }>,
  before: ClusterHistory,
): ClusterHistory {
  const row = members[changed];
  assert(row !== undefined);
  let history = checkElectionSafety(row, before);
  history = checkCommitted(tables, row, history);
  checkLeaderCompleteness(row, history);
  for (const other of members) {
    if (other !== row) {
      checkLogMatching(tables, row.log, other.log);
      checkLogMatching(tables, row.diskLog, other.diskLog);
    }
  }
  checkDurability(members, history.committed);
  return checkAnswers(step, history);
}

/** 5.2, election safety: at most one leader can be elected in a given term. */
function checkElectionSafety({ member }: MemberRow, history: ClusterHistory): ClusterHistory {
  const { role, term, id } = member.core;
  if (role.kind !== 'leader') return history;
  const known = history.leaders[term] ?? null;
  assert(known === null || known === id, `two leaders in term ${term}: n${known} and n${id}`);
  if (known === id) return history;
  const leaders = Array.from({ length: Math.max(history.leaders.length, term + 1) }, (_, position) =>
    position === term ? id : (history.leaders[position] ?? null),
  );
  return { ...history, leaders };
}

/** 5.4.3, state machine safety: no two members ever commit different entries at one index. */
function checkCommitted(tables: Tables, { member, log }: MemberRow, history: ClusterHistory): ClusterHistory {
  const { commit, term } = member.core;
  const fresh: CommittedEntry[] = [];
  for (let position = 0; position < commit; position++) {
    const entry = log[position];
    assert(entry !== undefined, 'a committed entry is missing in the log');
    const known = history.committed[position];
    if (known !== undefined) {
      assert(known.entry === entry, `entry ${position + 1} is committed in two versions`);
      continue;
    }
    const content = tables.entryAt(entry);
    const command = content.kind === 'command' ? content.data[0] : undefined;
    assert(
      command === undefined || !history.refused.includes(command),
      `command ${command} was refused, and is committed`,
    );
    fresh.push({ entry, seenInTerm: term });
  }
  return fresh.length === 0 ? history : { ...history, committed: [...history.committed, ...fresh] };
}

/** 5.4, leader completeness: what is committed in a term is in the log of every leader of a later term. */
function checkLeaderCompleteness({ member, log }: MemberRow, { committed }: ClusterHistory): void {
  const { role, term, id } = member.core;
  if (role.kind !== 'leader') return;
  for (const [position, { entry, seenInTerm }] of committed.entries()) {
    assert(
      seenInTerm >= term || log[position] === entry,
      `n${id} leads term ${term} without the committed entry ${position + 1}`,
    );
  }
}

/** 5.3, log matching: logs that agree on the term of an entry are the same up to it. */
function checkLogMatching(tables: Tables, left: readonly number[], right: readonly number[]): void {
  let matching = false;
  for (let position = Math.min(left.length, right.length) - 1; position >= 0; position--) {
    const one = left[position] ?? 0;
    const other = right[position] ?? 0;
    if (one === other) {
      matching = true;
      continue;
    }
    assert(
      !matching && tables.entryAt(one).term !== tables.entryAt(other).term,
      `two logs differ at ${position + 1} although they agree there or later (section 5.3)`,
    );
  }
}

/**
 * A committed entry is on the disks of a majority: no crash of a minority takes it away. While the voters change, a
 * majority of those who vote by some configuration that a member has: the last one that is committed, or a later one.
 */
function checkDurability(members: readonly MemberRow[], committed: readonly CommittedEntry[]): void {
  const configurations = members.flatMap(({ member: { core } }) =>
    core.configurations.map(({ configuration }) => configuration),
  );
  for (const [position, { entry }] of committed.entries()) {
    const isStored = (id: MemberId): boolean => members[Number(id) - 1]?.diskLog[position] === entry;
    const isMajority = (voters: readonly MemberId[]): boolean =>
      voters.filter(isStored).length * 2 > voters.length;
    const isDurable = configurations.some(
      ({ voters, outgoingVoters }) =>
        isMajority(voters) && (outgoingVoters.length === 0 || isMajority(outgoingVoters)),
    );
    assert(isDurable, `no majority has the committed entry ${position + 1} on its disks`);
  }
}

/** Reads see everything that was committed when they were asked; a refused command never takes effect. */
function checkAnswers(
  step: Extract<MemberStepRow, { type: 'step' }>,
  before: ClusterHistory,
): ClusterHistory {
  let history = before;
  for (const { id, index } of step.readsReady) {
    const asked = history.reads[id] ?? null;
    assert(asked !== null, `read ${id} is answered although nobody waits for it`);
    assert(
      index >= asked,
      `read ${id} is answered at ${index}, but ${asked} was committed when it was asked`,
    );
    history = { ...history, reads: history.reads.with(id, null) };
  }
  for (const id of step.readsRefused) {
    history = { ...history, reads: history.reads.with(id, null) };
  }
  for (const command of step.commandsRefused) {
    if (history.refused.includes(command)) continue;
    history = { ...history, refused: [...history.refused, command].sort((one, other) => one - other) };
  }
  return history;
}
