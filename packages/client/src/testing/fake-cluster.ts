import { FakeMember } from './fake-member.ts';
import { FakeStore } from './fake-store.ts';

/** Members on real sockets that share one store; the first leads, unless told otherwise. */
export class FakeCluster implements AsyncDisposable {
  readonly store: FakeStore;
  readonly members: readonly FakeMember[];

  private constructor(store: FakeStore, members: readonly FakeMember[]) {
    this.store = store;
    this.members = members;
  }

  static async start(size: number): Promise<FakeCluster> {
    const store = new FakeStore();
    const members: FakeMember[] = [];
    for (let index = 0; index < size; index += 1) {
      members.push(await FakeMember.start(BigInt(index + 1), store));
    }
    const cluster = new FakeCluster(store, members);
    const list = members.map(({ id, endpoint }) => {
      return { id, name: `member-${id}`, clientUrls: [`http://${endpoint}`] };
    });
    for (const member of members) member.members = list;
    cluster.elect(0, 1);
    return cluster;
  }

  get endpoints(): string[] {
    return this.members.map((member) => member.endpoint);
  }

  /** The member at an index, which must exist. */
  member(index: number): FakeMember {
    const member = this.members[index];
    if (member === undefined) throw new RangeError(`no member ${index}`);
    return member;
  }

  /** All members agree from now on that one of them leads in a term. */
  elect(index: number, term: number): void {
    for (const member of this.members) {
      member.leader = this.member(index).id;
      member.term = term;
    }
  }

  /** All calls that reached any member, as `0:Put`. */
  calls(): string[] {
    return this.members.flatMap((member, index) => member.calls.map((call) => `${index}:${call}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.members) await member.stop();
  }
}
