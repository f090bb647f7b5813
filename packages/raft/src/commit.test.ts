import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configuration, foundingLog, memberId, restoredLog } from './testing/builders.ts';
import { SoloMember } from './testing/solo-member.ts';

test('an entry is committed when a majority has it on disk, the leader like anyone else', () => {
  const member = SoloMember.inCluster(3);
  member.leadUnopposed();
  member.propose('a');
  member.acknowledge(2, 3);
  assert.equal(member.core.commit, 2, "n2 has it, but the leader's own disk does not");
  member.persist();
  assert.equal(member.core.commit, 3);
});

test("the followers' disks can commit without the leader's (dissertation, section 10.2.1)", () => {
  const member = SoloMember.inCluster(3);
  member.leadUnopposed();
  member.propose('a');
  member.acknowledge(2, 3);
  member.acknowledge(3, 3);
  assert.equal(member.core.commit, 3);
});

test('entries of earlier terms commit only below one of the own term (section 5.4.2, figure 8)', () => {
  const member = SoloMember.inCluster(3, [2]);
  member.lead();
  assert.equal(member.term, 3);
  member.acknowledge(2, 2);
  member.acknowledge(3, 2);
  assert.equal(member.core.commit, 0, 'everyone has entry 2, but it is of term 2');
  member.acknowledge(2, 3);
  assert.equal(member.core.commit, 3);
});

test('a joint configuration commits with both majorities, in whatever order they come (section 6)', () => {
  const joint = configuration({ voters: [1, 4, 5], outgoing: [1, 2, 3] });
  for (const [first, second] of [
    [2, 4],
    [4, 2],
  ] as const) {
    const member = new SoloMember(restoredLog(foundingLog(joint)));
    member.lead();
    member.acknowledge(first, 2);
    member.acknowledge(first + 1, 2);
    assert.equal(member.core.commit, 0, `n${first} and n${first + 1} are of one half`);
    member.acknowledge(second, 2);
    assert.equal(member.core.commit, 2);
  }
});

test('learners do not count', () => {
  const group = configuration({ voters: [1, 2, 3], learners: [4, 5] });
  const member = new SoloMember(restoredLog(foundingLog(group)));
  member.lead();
  member.acknowledge(4, 2);
  member.acknowledge(5, 2);
  assert.equal(member.core.commit, 0);
  member.acknowledge(3, 2);
  assert.equal(member.core.commit, 2);
});

test('what is committed is told once', () => {
  const member = SoloMember.inCluster(3);
  member.leadUnopposed();
  member.propose('a', 'b');
  member.persist();
  member.acknowledge(2, 4);
  member.acknowledge(3, 4);
  const committed = member.events.filter((event) => event.type === 'committed');
  assert.deepEqual(committed, [{ type: 'committed', index: 4, term: 2 }]);
  assert.equal(member.core.leader, memberId(1));
});
