import { PublishMember } from '@quorate/protocol';
import type { Fact } from './engine/engine.ts';

/** What a member told the others about itself when it started. */
export type MemberAttributes = { readonly name: string; readonly clientUrls: readonly string[] };

const factPrefix = 'member/';

/** The attributes of every member that has ever published some, each one a fact of the engine. */
export class MemberAttributesTable {
  private readonly attributesById = new Map<bigint, MemberAttributes>();
  private changed: Fact[] = [];

  get all(): ReadonlyMap<bigint, MemberAttributes> {
    return this.attributesById;
  }

  /** Takes what an engine holds. Other facts are ignored. */
  restore(facts: readonly Fact[]): void {
    for (const { name, content } of facts) {
      if (name.startsWith(factPrefix)) {
        const { memberId, name, clientUrls } = PublishMember.decode(content);
        this.attributesById.set(memberId, { name, clientUrls });
      }
    }
  }

  publish(request: PublishMember): void {
    const { memberId, name, clientUrls } = request;
    this.attributesById.set(memberId, { name, clientUrls });
    const fact = `${factPrefix}${memberId.toString(16)}`;
    this.changed.push({ name: fact, content: PublishMember.encode(request).finish() });
  }

  /** Hands over the facts that the engine does not have, for it to commit at once. */
  takeFacts(): readonly Fact[] {
    const taken = this.changed;
    this.changed = [];
    return taken;
  }
}
