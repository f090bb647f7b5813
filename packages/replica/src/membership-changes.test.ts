import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Configuration,
  type Input,
  type LogIndex,
  type MemberId,
  type Output,
  type RaftStatus,
  type Term,
  toLogIndex,
  toMemberId,
  toTerm,
} from '@quorate/raft';
import { defaultMembershipLimits, type MembershipChange } from './membership-change.ts';
import { MembershipChanges, type MembershipView } from './membership-changes.ts';

const n1 = toMemberId(1n);
const n2 = toMemberId(2n);
const n9 = toMemberId(9n);
const proposalId = 77;
const add: MembershipChange = { kind: 'add', name: 'n9', peerUrls: ['http://n9'], becomesVoter: false };

function configuration(voters: readonly MemberId[], learners: readonly MemberId[] = []): Configuration {
  const addresses = [...voters, ...learners].map((id) => {
    return { id, name: `n${id}`, peerUrls: [`http://n${id}`] };
  });
  return { voters, outgoingVoters: [], learners, learnersNext: [], addresses };
}

/** A cluster of two, as its leader sees it, and what its core is given. */
class Scene {
  readonly changes = new MembershipChanges(proposalId);
  readonly given: Input[] = [];
  refuses = false;
  role: RaftStatus['role'] = 'leader';
  commit = 5;
  /** What is at index 6 of the log. */
  term: Term | null = null;
  configurations = [{ index: toLogIndex(1), configuration: configuration([n1, n2]) }];

  turn(): void {
    const status: RaftStatus = {
      id: n1,
      role: this.role,
      term: toTerm(3),
      vote: n1,
      leader: n1,
      commit: toLogIndex(this.commit),
      applied: toLogIndex(this.commit),
      firstIndex: toLogIndex(1),
      lastIndex: toLogIndex(5),
      durableIndex: toLogIndex(5),
      configuration: configuration([n1, n2]),
      transferringTo: null,
      peers: [],
    };
    const view: MembershipView = {
      status,
      configurations: this.configurations,
      termAt: (index: LogIndex) => (index === 6 ? this.term : null),
      isActive: () => true,
      isStarted: () => true,
      isInSync: () => false,
      limits: defaultMembershipLimits,
      newId: () => n9,
    };
    this.changes.turn(view, (input) => this.step(input));
  }

  /** The proposed configuration, or what is there instead, is committed. */
  commitAs(term: number, current: Configuration): void {
    this.term = toTerm(term);
    this.commit = 6;
    this.configurations = [{ index: toLogIndex(6), configuration: current }];
  }

  private step(input: Input): Output {
    this.given.push(input);
    return {
      messages: [],
      persist: null,
      messagesAfterPersist: [],
      entriesToApply: [],
      readsReady: [],
      readsRefused: [],
      proposalsRefused: this.refuses ? [{ id: proposalId, reason: 'configuration-change' }] : [],
      logReads: [],
      snapshotToInstall: null,
      events: [],
    };
  }
}

describe('a change of membership at the leader', () => {
  test('ends when it is committed under its own index and term', async () => {
    const scene = new Scene();
    const done = scene.changes.begin([add], { deadlineMs: 100 });
    scene.turn();
    assert.equal(scene.given[0]?.type, 'propose-configuration');
    scene.commitAs(3, configuration([n1, n2], [n9]));
    scene.turn();
    assert.deepEqual((await done).added, [n9]);
  });

  test('has no effect when something else was committed there', async () => {
    const scene = new Scene();
    const done = scene.changes.begin([add], { deadlineMs: 100 });
    scene.turn();
    scene.role = 'follower';
    scene.commitAs(4, configuration([n1, n2]));
    scene.turn();
    await assert.rejects(done, { code: 'not-leader' });
  });

  test('is uncertain when a snapshot of another leader has replaced the log where it was', async () => {
    const scene = new Scene();
    const done = scene.changes.begin([add], { deadlineMs: 100 });
    scene.turn();
    scene.role = 'follower';
    scene.commit = 9;
    scene.configurations = [{ index: toLogIndex(9), configuration: configuration([n1, n2]) }];
    scene.turn();
    await assert.rejects(done, { code: 'unknown-outcome' });
  });

  test('is known to be made when it has left the log by the end of its joint phase', async () => {
    const scene = new Scene();
    const done = scene.changes.begin([add], { deadlineMs: 100 });
    scene.turn();
    scene.commitAs(3, { ...configuration([n1, n2], [n9]), outgoingVoters: [n1] });
    scene.turn();
    scene.term = null;
    scene.configurations = [{ index: toLogIndex(7), configuration: configuration([n1, n2], [n9]) }];
    scene.turn();
    assert.deepEqual((await done).added, [n9]);
  });

  test('is tried again while the core does not take it, until its deadline', async () => {
    const scene = new Scene();
    scene.refuses = true;
    const done = scene.changes.begin([add], { deadlineMs: 100 });
    scene.turn();
    scene.turn();
    assert.equal(scene.given.length, 2);
    scene.changes.tick(100, configuration([n1, n2]));
    await assert.rejects(done, { code: 'timed-out' });
  });

  test('that was proposed and not seen to commit is uncertain', async () => {
    const scene = new Scene();
    const done = scene.changes.begin([add], { deadlineMs: 100 });
    scene.turn();
    scene.changes.stop();
    await assert.rejects(done, { code: 'unknown-outcome' });
  });
});
