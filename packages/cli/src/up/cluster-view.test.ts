import assert from 'node:assert/strict';
import test from 'node:test';
import { ClusterView } from './cluster-view.ts';

const says = (
  leader: string | null,
  term: number,
): { kind: 'leader'; leader: string | null; term: number } => {
  return { kind: 'leader', leader, term };
};

/** A view of three members, `a`, `b` and `c`, that have all said who leads. */
function ledBy(leader: string, term: number): ClusterView {
  const view = new ClusterView();
  for (const member of ['a', 'b', 'c']) view.heard(member, says(leader, term));
  return view;
}

test('a leader is told once, whoever says it', () => {
  const view = new ClusterView();
  assert.equal(view.heard('a', says(null, 1)), null, 'before the first election nothing is missing');
  assert.deepEqual(view.heard('a', says('a', 2)), { leader: 'a', term: 2 });
  assert.equal(view.heard('b', says('a', 2)), null);
});

test('the newest term counts, and older news are no news', () => {
  const view = ledBy('a', 2);
  assert.deepEqual(view.heard('b', says('b', 3)), { leader: 'b', term: 3 });
  assert.equal(view.heard('a', says(null, 3)), null);
  assert.equal(view.heard('c', says('a', 2)), null);
});

test('that nobody leads is told once, and so is the next leader', () => {
  const view = ledBy('a', 2);
  assert.equal(view.lost('a'), 'none');
  assert.equal(view.heard('b', says(null, 3)), null);
  assert.deepEqual(view.heard('b', says('b', 3)), { leader: 'b', term: 3 });
});

test('a follower that is lost is no news about the leader', () => {
  assert.equal(ledBy('a', 2).lost('b'), null);
});

test('a leader that was started again elsewhere is known by those that are left', () => {
  const view = ledBy('a', 2);
  view.lost('b');
  assert.equal(view.lost('a'), 'none');
  assert.deepEqual(view.heard('c', says('b', 5)), { leader: 'b', term: 5 });
});
