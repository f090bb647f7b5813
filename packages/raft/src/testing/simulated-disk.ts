import { assert } from '../assert.ts';
import type { Entry, HardState, SnapshotDescription } from '../entry.ts';
import { type LogIndex, noIndex, offsetIndex, toLogIndex, toTerm } from '../identifiers.ts';
import type { LogRead } from '../input.ts';
import type { Message } from '../message.ts';
import type { Output, Persist } from '../output.ts';
import type { RestoredState } from '../restored-state.ts';
import { termRunsOf } from './builders.ts';

/** A write on its way to the disk, and the messages that wait for it. */
type Write = { readonly persist: Persist | null; readonly messages: readonly Message[] };

/** What a member's disk holds, and what it was asked to hold: a crash loses the difference, or only part of it. */
export class SimulatedDisk {
  readonly #queue: Write[] = [];
  #hardState: HardState = { term: toTerm(0), vote: null, commit: noIndex };
  #entries: Entry[] = [];
  #firstIndex = toLogIndex(1);
  #snapshot: SnapshotDescription | null = null;

  /** A disk that a member finds when it starts for the first time in a test. */
  static holding(entries: readonly Entry[], hardState: HardState): SimulatedDisk {
    const disk = new SimulatedDisk();
    disk.#entries = [...entries];
    disk.#hardState = hardState;
    return disk;
  }

  get pendingWrites(): number {
    return this.#queue.length;
  }

  get snapshot(): SnapshotDescription | null {
    return this.#snapshot;
  }

  /** Takes an output's write; returns the messages that need not wait for anything. */
  accept(output: Output): readonly Message[] {
    const { persist, messagesAfterPersist: messages } = output;
    if (persist === null && this.#queue.length === 0) {
      return messages;
    }
    if (persist !== null || messages.length > 0) {
      this.#queue.push({ persist, messages });
    }
    return [];
  }

  /** Completes the oldest write; returns what may go on because of it. */
  completeOldest(): { readonly batch: number | null; readonly messages: readonly Message[] } {
    const write = this.#queue.shift();
    assert(write !== undefined, 'there is a write to complete');
    this.#apply(write);
    return { batch: write.persist?.batch ?? null, messages: write.messages };
  }

  /** Loses all pending writes but the oldest `survivors`, which reached the disk although nobody was told. */
  crash(survivors: number): void {
    for (const write of this.#queue.splice(0, survivors)) {
      this.#apply(write);
    }
    this.#queue.length = 0;
  }

  read({ first, last, maxBytes }: LogRead): readonly Entry[] {
    if (first < this.#firstIndex) {
      return [];
    }
    assert(last < this.#firstIndex + this.#entries.length, 'only what is durable is read');
    const entries = this.#entries.slice(first - this.#firstIndex, last - this.#firstIndex + 1);
    let bytes = 0;
    const end = entries.findIndex((entry) => {
      bytes += entry.kind === 'command' ? entry.data.byteLength : 0;
      return bytes > maxBytes;
    });
    return end < 0 ? entries : entries.slice(0, Math.max(1, end));
  }

  compact(snapshot: SnapshotDescription, through: LogIndex): void {
    this.#snapshot = snapshot;
    this.#removeThrough(through);
  }

  /** Stores a leader's snapshot. All earlier writes must be complete. */
  install(snapshot: SnapshotDescription): void {
    assert(this.#queue.length === 0, 'a snapshot is installed after the writes before it');
    this.#snapshot = snapshot;
    const same = this.#entries.find((entry) => entry.index === snapshot.index);
    if (same?.term === snapshot.term) {
      this.#removeThrough(snapshot.index);
    } else {
      this.#entries = [];
      this.#firstIndex = offsetIndex(snapshot.index, 1);
    }
  }

  /** What a member finds when it starts; its state machine is at `applied`, and memory gets `cached` entries. */
  restore(applied: LogIndex, cached: number): RestoredState {
    const entries = this.#entries;
    return {
      hardState: this.#hardState,
      snapshot: this.#snapshot,
      configurations: entries.filter((entry) => entry.kind === 'configuration'),
      firstIndex: this.#firstIndex,
      lastIndex: offsetIndex(this.#firstIndex, entries.length - 1),
      termRuns: termRunsOf(entries),
      entries: entries.slice(Math.max(0, entries.length - cached)),
      applied,
    };
  }

  get firstIndex(): LogIndex {
    return this.#firstIndex;
  }

  #apply({ persist }: Write): void {
    if (persist === null) {
      return;
    }
    const first = persist.entries[0];
    if (first !== undefined) {
      assert(first.index >= this.#firstIndex, 'what left the log is not written again');
      const keep = first.index - this.#firstIndex;
      assert(keep <= this.#entries.length, 'the log on disk has no holes');
      this.#entries.length = keep;
      this.#entries.push(...persist.entries);
    }
    this.#hardState = persist.hardState ?? this.#hardState;
  }

  #removeThrough(through: LogIndex): void {
    const count = Math.max(0, through - this.#firstIndex + 1);
    this.#entries.splice(0, count);
    this.#firstIndex = offsetIndex(this.#firstIndex, count);
  }
}
