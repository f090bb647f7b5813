/**
 * Items that are due at some time, in slots of equal length. Adding one and taking one costs the same however many
 * there are, and slots in which nothing is due cost nothing but a look. An item is never early, and late by less
 * than a slot.
 *
 * Varghese and Lauck, Hashed and Hierarchical Timing Wheels (1987), with a hash table of any size for the wheel.
 */
export class TimingWheel<Item> {
  private readonly slotMs: number;
  private readonly slots = new Map<number, Item[]>();
  /** The first slot that has not been emptied. */
  private next: number;

  constructor(slotMs: number, nowMs: number) {
    this.slotMs = slotMs;
    this.next = Math.floor(nowMs / slotMs);
  }

  add(item: Item, dueMs: number): void {
    const slot = Math.max(Math.ceil(dueMs / this.slotMs), this.next);
    const items = this.slots.get(slot);
    if (items === undefined) this.slots.set(slot, [item]);
    else items.push(item);
  }

  /** Takes out items that are due, at most `max` of them: the others can be taken at once. */
  take(nowMs: number, max: number): readonly Item[] {
    const last = Math.floor(nowMs / this.slotMs);
    this.gather(last);
    const taken: Item[] = [];
    while (this.next <= last && taken.length < max) {
      const items = this.slots.get(this.next);
      if (items === undefined) {
        this.next += 1;
      } else if (items.length <= max - taken.length) {
        taken.push(...items);
        this.slots.delete(this.next);
        this.next += 1;
      } else {
        taken.push(...items.splice(items.length - (max - taken.length)));
      }
    }
    return taken;
  }

  /** After a leap of the clock there may be more slots to pass than there are with anything in them. */
  private gather(last: number): void {
    if (last - this.next <= this.slots.size) return;
    const due = [...this.slots.keys()].filter((slot) => slot < last).sort((a, b) => a - b);
    const items = due.flatMap((slot) => this.slots.get(slot) ?? []);
    due.forEach((slot) => this.slots.delete(slot));
    this.slots.set(last, [...items, ...(this.slots.get(last) ?? [])]);
    this.next = last;
  }
}
