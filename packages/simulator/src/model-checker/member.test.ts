import assert from 'node:assert/strict';
import test from 'node:test';
import type { Message } from '@quorate/raft';
import { boundsPresets } from './bounds.ts';
import { canonicalText } from './canonical-text.ts';
import { ClusterModel } from './cluster.ts';
import { essence, type Member, MemberRunner } from './member.ts';
import { startOf } from './start.ts';
import { identity } from './symmetry.ts';
import { usedOf } from './used.ts';

/**
 * The model remembers what an event does to a member's essence, and takes it to be the same for all members of
 * that essence. So members that live their whole lives themselves must stay like those that are looked up.
 */
test('what was remembered of a step is what a step does', () => {
  for (const [name, bounds] of Object.entries(boundsPresets)) {
    for (let seed = 1; seed <= 20; seed++) {
      const model = new ClusterModel(bounds);
      const runner = new MemberRunner(bounds);
      let cluster = startOf(model, bounds.start);
      const members: Member[] = cluster.members.map(({ member }) => member);
      let random = seed;
      for (let step = 0; step < 200; step++) {
        const choices = model.choices(cluster);
        random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
        const choice = choices[random % choices.length];
        if (choice === undefined) break;
        const outcome = model.take(cluster, choice);
        assert(outcome.type !== 'violation');
        if (outcome.type === 'skipped') continue;
        const before = members[choice.at];
        if (before !== undefined) {
          const { event } = model.tables.events.at(choice.event);
          const lived = runner.step(before, event, usedOf(cluster.used, 'time'));
          members[choice.at] = lived.member;
          const remembered = outcome.cluster.members[choice.at];
          assert(remembered !== undefined);
          assert.equal(
            textOf(lived.member),
            textOf(remembered.member),
            `${name}, seed ${seed}, step ${step}`,
          );
          for (const message of lived.sent) assert(isUnderWay(model, outcome.cluster.network, message));
        }
        cluster = outcome.cluster;
      }
    }
  }
});

test('a member that crashes has what was on its disk, and the part of its writes that arrived', () => {
  const bounds = { ...boundsPresets.elections };
  const runner = new MemberRunner(bounds);
  const [first] = runner.configuration.voters;
  assert(first !== undefined);
  const founded = runner.found(first);
  const asking = runner.step(founded, { type: 'campaign' }, 0).member;
  assert.equal(asking.core.role.kind, 'pre-candidate');
  const [, other] = runner.configuration.voters;
  assert(other !== undefined);
  const vote = { type: 'pre-vote-response', from: other, to: first, term: 2, granted: true } as Message;
  const candidate = runner.step(asking, { type: 'deliver', message: vote }, 0).member;
  assert.equal(candidate.core.role.kind, 'candidate');
  assert.equal(candidate.writing.length, 1);
  assert.equal(candidate.held.length, 2, 'vote requests wait for the disk');
  const { applied } = candidate.core.applying;
  const forgetful = runner.step(candidate, { type: 'crash', kept: 0, applied }, 0).member;
  assert.deepEqual([forgetful.core.term, forgetful.core.vote], [1, null]);
  const lucky = runner.step(candidate, { type: 'crash', kept: 1, applied }, 0).member;
  assert.deepEqual([lucky.core.term, lucky.core.vote], [2, first]);
});

function textOf(member: Member): string {
  return canonicalText(essence(member), identity);
}

function isUnderWay(model: ClusterModel, network: readonly number[], message: Message): boolean {
  return network.includes(model.tables.messages.intern(message).number);
}
