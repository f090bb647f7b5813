import assert from 'node:assert/strict';
import test from 'node:test';
import { toSettings } from './client-options.ts';
import { EndpointSet } from './endpoint-set.ts';
import { ManualClock } from './testing/manual-clock.ts';

function endpointSet(random = 0): { set: EndpointSet; clock: ManualClock } {
  const clock = new ManualClock();
  const settings = toSettings({ endpoints: ['a:1', 'b:1', 'c:1'], clock, random: () => random });
  return { set: new EndpointSet(settings), clock };
}

const nothing = new Set<never>();

test('clients start at an endpoint drawn at random and stay with it', () => {
  const { set } = endpointSet(0.5);
  assert.equal(set.pick(null, nothing).endpoint.address, 'b:1');
  assert.equal(set.pick(null, nothing).endpoint.address, 'b:1');
});

test('an endpoint that failed is passed over for a while, longer each time', () => {
  const { set, clock } = endpointSet();
  const [first, second] = set.routes;
  assert.ok(first !== undefined && second !== undefined);
  set.failed(first);
  assert.equal(set.pick(first, nothing), second);
  clock.advance(100);
  assert.equal(set.pick(first, nothing), first);
  set.failed(first);
  clock.advance(100);
  assert.equal(set.pick(first, nothing), second);
  clock.advance(100);
  assert.equal(set.pick(first, nothing), first);
  set.succeeded(first);
  set.failed(first);
  clock.advance(100);
  assert.equal(set.pick(first, nothing), first);
});

test('when all have failed, the one that may be asked soonest is asked, but none twice in a round', () => {
  const { set, clock } = endpointSet();
  const [first, second, third] = set.routes;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  set.failed(second);
  clock.advance(10);
  set.failed(third);
  set.failed(first);
  assert.equal(set.pick(null, nothing), second);
  assert.notEqual(set.pick(null, new Set([second])), second);
});

test('reads that any member can answer take turns', () => {
  const { set } = endpointSet();
  const picked = [1, 2, 3, 4].map(() => set.pick(set.next(), nothing).endpoint.address);
  assert.deepEqual(picked, ['b:1', 'c:1', 'a:1', 'b:1']);
});
