import type { Entry, Message } from '@quorate/raft';
import { canonicalText } from './canonical-text.ts';
import type { ClusterHistory } from './history.ts';
import { essence, type Member } from './member.ts';
import type { MemberEvent } from './member-event.ts';
import { identity, type Symmetry } from './symmetry.ts';

/**
 * Numbers for everything that a state of the cluster consists of. The same member states, messages and histories
 * occur in millions of states: they are kept once, and their hashes are computed once.
 */
class InternTable<Value, Row extends { readonly number: number }> {
  readonly rows: Row[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #keyOf: (value: Value) => unknown;
  readonly #createRow: (value: Value, key: unknown, number: number) => Row;

  constructor(
    keyOf: (value: Value) => unknown,
    createRow: (value: Value, key: unknown, number: number) => Row,
  ) {
    this.#keyOf = keyOf;
    this.#createRow = createRow;
  }

  intern(value: Value): Row {
    const key = this.#keyOf(value);
    const text = canonicalText(key, identity);
    const number = this.#numbers.get(text);
    if (number !== undefined) return this.at(number);
    const row = this.#createRow(value, key, this.rows.length);
    this.#numbers.set(text, row.number);
    this.rows.push(row);
    return row;
  }

  at(number: number): Row {
    const row = this.rows[number];
    if (row === undefined) throw new RangeError(`there is no row ${number}`);
    return row;
  }
}

/** `hashes`: see `Symmetry.hashesOf`. */
export type MessageRow = { readonly number: number; readonly message: Message; readonly hashes: Int32Array };

export type HistoryRow = {
  readonly number: number;
  readonly history: ClusterHistory;
  readonly hashes: Int32Array;
};

export type MemberRow = {
  readonly number: number;
  readonly member: Member;
  readonly hashes: Int32Array;
  /** The numbers of the entries in memory and on the disk. */
  readonly log: readonly number[];
  readonly diskLog: readonly number[];
  /** What the events that were tried led to, by the numbers of event and time. */
  readonly steps: Map<number, MemberStepRow>;
};

export type MemberStepRow =
  | {
      readonly type: 'step';
      readonly next: MemberRow;
      readonly sent: readonly number[];
      readonly readsReady: readonly { readonly id: number; readonly index: number }[];
      readonly readsRefused: readonly number[];
      readonly commandsRefused: readonly number[];
      /** Nothing was sent or answered. */
      readonly isSilent: boolean;
    }
  | { readonly type: 'violation'; readonly reason: string };

export type EventRow = { readonly number: number; readonly event: MemberEvent };

export class Tables {
  readonly members: InternTable<Member, MemberRow>;
  readonly messages: InternTable<Message, MessageRow>;
  readonly histories: InternTable<ClusterHistory, HistoryRow>;
  readonly events = new InternTable<MemberEvent, EventRow>(
    (event) => event,
    (event, _key, number) => ({ number, event }),
  );
  readonly #entries = new InternTable<Entry, { number: number; entry: Entry }>(
    (entry) => entry,
    (entry, _key, number) => ({ number, entry }),
  );
  readonly #entryNumbers = new WeakMap<Entry, number>();

  constructor(symmetry: Symmetry) {
    this.members = new InternTable(essence, (member, key, number) => ({
      number,
      member,
      hashes: symmetry.hashesOf(key),
      log: member.core.log.cache.map((entry) => this.entryNumber(entry)),
      diskLog: member.disk.log.map((entry) => this.entryNumber(entry)),
      steps: new Map(),
    }));
    this.messages = new InternTable(
      (message) => message,
      (message, key, number) => ({ number, message, hashes: symmetry.hashesOf(key) }),
    );
    this.histories = new InternTable(
      (history) => history,
      (history, key, number) => ({ number, history, hashes: symmetry.hashesOf(key) }),
    );
  }

  /** Equal entries have equal numbers. */
  entryNumber(entry: Entry): number {
    const known = this.#entryNumbers.get(entry);
    if (known !== undefined) return known;
    const { number } = this.#entries.intern(entry);
    this.#entryNumbers.set(entry, number);
    return number;
  }

  entryAt(number: number): Entry {
    return this.#entries.at(number).entry;
  }
}
