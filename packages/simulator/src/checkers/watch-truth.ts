import type { Store } from '@quorate/kv';
import type { KeyValue } from '@quorate/protocol';
import { rangeRequest, toBytes, toText } from '../workload/requests.ts';
import { concerns, describeState, type ToldEvent, type WatchRecord } from '../workload/watch-record.ts';

/**
 * What really happened: the state machine is read before and after each command, by the way of reads, which knows
 * nothing of watchers.
 */
export class WatchTruth {
  /** By revision, and within one in the order of the keys. */
  private readonly events: ToldEvent[] = [];
  private state = new Map<string, KeyValue>();
  private last = 1;
  private compacted = 0;

  get revision(): number {
    return this.last;
  }

  /** The highest revision that any compaction had. */
  get compactedRevision(): number {
    return this.compacted;
  }

  /** A command was applied to a store that nothing else is done with. */
  observe(store: Store): void {
    this.compacted = store.compactedRevision;
    const { revision } = store;
    if (revision === this.last) return;
    this.last = revision;
    const before = this.state;
    const all = store.range(rangeRequest({ key: toBytes('\0'), rangeEnd: toBytes('\0') }));
    this.state = new Map(all.kvs.map((kv) => [toText(kv.key), kv]));
    for (const key of new Set([...before.keys(), ...this.state.keys()].toSorted())) {
      const old = before.get(key);
      const now = this.state.get(key);
      if (now !== undefined && now.modRevision !== revision) continue;
      const isAnew = now?.version === 1;
      this.events.push({
        revision,
        key,
        type: now === undefined ? 'delete' : 'put',
        state: now === undefined ? 'nothing' : describeState(now),
        previous: old === undefined || isAnew ? null : describeState(old),
      });
    }
  }

  /** What a watcher is to be told of the revisions from `first` to `last`. */
  between({ watched }: WatchRecord, first: number, last: number): readonly ToldEvent[] {
    return this.events.filter(
      (event) => event.revision >= first && event.revision <= last && concerns(watched, event),
    );
  }

  find(key: string, revision: number): ToldEvent | undefined {
    return this.events.find((event) => event.key === key && event.revision === revision);
  }
}
