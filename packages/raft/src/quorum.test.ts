import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Configuration } from './configuration.ts';
import type { MemberId } from './identifiers.ts';
import { isQuorum, isVoter, membersOf, quorumValue, votersOf, voteResult } from './quorum.ts';
import { configuration, memberId, memberIds } from './testing/builders.ts';

const someVoters = fc
  .uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 })
  .map(ascending);
const maybeVoters = fc.oneof(fc.constant<number[]>([]), someVoters);
const configurations = fc
  .record({ voters: someVoters, outgoing: maybeVoters })
  .map((parts) => configuration(parts));
const values = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 9, maxLength: 9 });

describe('the arithmetic of majorities', () => {
  test('a quorum has reached the value, and none has reached a higher one', () => {
    fc.assert(
      fc.property(configurations, values, (group, reached) => {
        const valueOf = (id: MemberId): number => reached[Number(id) - 1] ?? 0;
        const value = quorumValue(group, valueOf);
        assert(hasMajorities(group, (id) => valueOf(id) >= value));
        assert(!hasMajorities(group, (id) => valueOf(id) >= value + 1));
      }),
    );
  });

  test('an election is won when no outstanding answer can change it, and lost when none can save it', () => {
    const answers = fc.array(fc.constantFrom(true, false, undefined), { minLength: 9, maxLength: 9 });
    fc.assert(
      fc.property(configurations, answers, (group, given) => {
        const votes = new Map<MemberId, boolean>();
        given.forEach((vote, position) => {
          if (vote !== undefined) {
            votes.set(memberId(position + 1), vote);
          }
        });
        const wonAtWorst = hasMajorities(group, (id) => votes.get(id) ?? false);
        const wonAtBest = hasMajorities(group, (id) => votes.get(id) ?? true);
        assert.equal(voteResult(group, votes), wonAtWorst ? 'won' : wonAtBest ? 'pending' : 'lost');
      }),
    );
  });

  test('any two quorums of a configuration share a voter, and so do those of a joint one and of each of its halves', () => {
    const subset = fc.array(fc.boolean(), { minLength: 9, maxLength: 9 });
    fc.assert(
      fc.property(configurations, subset, subset, (group, left, right) => {
        const inLeft = (id: MemberId): boolean => left[Number(id) - 1] === true;
        const inRight = (id: MemberId): boolean => right[Number(id) - 1] === true;
        const halves = [group, { ...group, outgoingVoters: [] }];
        if (group.outgoingVoters.length > 0) {
          halves.push({ ...group, voters: group.outgoingVoters, outgoingVoters: [] });
        }
        for (const other of halves) {
          if (isQuorum(group, inLeft) && isQuorum(other, inRight)) {
            assert(votersOf(group).some((id) => inLeft(id) && inRight(id)));
          }
        }
      }),
    );
  });

  test('nobody has a quorum where nobody votes', () => {
    const empty = configuration({ voters: [] });
    assert.equal(
      quorumValue(empty, () => 7),
      0,
    );
    assert.equal(voteResult(empty, new Map()), 'lost');
    assert.equal(
      isQuorum(empty, () => true),
      false,
    );
  });
});

describe('who belongs to a configuration', () => {
  const joint = configuration({ voters: [1, 4, 5], outgoing: [1, 2, 3], learners: [6] });

  test('a joint one has the voters of both halves, each once and in order', () => {
    assert.deepEqual(votersOf(joint), memberIds([1, 2, 3, 4, 5]));
    assert.deepEqual(membersOf(joint), memberIds([1, 2, 3, 4, 5, 6]));
  });

  test('a learner gets the log but has no vote', () => {
    assert.equal(isVoter(joint, memberId(6)), false);
    assert.equal(isVoter(joint, memberId(2)), true);
  });
});

/** The definition, as section 6 words it. */
function hasMajorities(group: Configuration, agrees: (id: MemberId) => boolean): boolean {
  const hasMajority = (voters: readonly MemberId[]): boolean =>
    voters.filter(agrees).length * 2 > voters.length;
  return (
    hasMajority(group.voters) && (group.outgoingVoters.length === 0 || hasMajority(group.outgoingVoters))
  );
}

function ascending(numbers: number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}
