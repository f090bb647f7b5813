/** Something that will happen at a point of simulated time. */
export type ScheduledEvent = {
  readonly timeUs: number;
  /** Breaks ties: what was scheduled first happens first. */
  readonly order: number;
  /** Null once it is cancelled or has happened. */
  run: (() => void) | null;
};

/** A binary heap of events by time, then by the order of scheduling. Cancelled events leave when they surface. */
export class EventQueue {
  private readonly heap: ScheduledEvent[] = [];
  private nextOrder = 0;

  get size(): number {
    return this.heap.length;
  }

  add(timeUs: number, run: () => void): ScheduledEvent {
    const event: ScheduledEvent = { timeUs, order: this.nextOrder, run };
    this.nextOrder += 1;
    this.heap.push(event);
    this.siftUp(this.heap.length - 1, event);
    return event;
  }

  /** The time of the first event that is not cancelled, or null if there is none. */
  nextTimeUs(): number | null {
    let first = this.heap[0];
    while (first !== undefined && first.run === null) {
      this.removeFirst();
      first = this.heap[0];
    }
    return first === undefined ? null : first.timeUs;
  }

  /** Takes out the event that `nextTimeUs` spoke of. */
  take(): ScheduledEvent | null {
    return this.nextTimeUs() === null ? null : this.removeFirst();
  }

  private removeFirst(): ScheduledEvent | null {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (first === undefined || last === undefined) {
      return null;
    }
    if (this.heap.length > 0) {
      this.siftDown(last);
    }
    return first;
  }

  private siftUp(start: number, event: ScheduledEvent): void {
    let position = start;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = this.heap[parentPosition] as ScheduledEvent;
      if (!isBefore(event, parent)) {
        break;
      }
      this.heap[position] = parent;
      position = parentPosition;
    }
    this.heap[position] = event;
  }

  private siftDown(event: ScheduledEvent): void {
    const size = this.heap.length;
    let position = 0;
    for (;;) {
      let childPosition = 2 * position + 1;
      if (childPosition >= size) {
        break;
      }
      const right = childPosition + 1;
      if (
        right < size &&
        isBefore(this.heap[right] as ScheduledEvent, this.heap[childPosition] as ScheduledEvent)
      ) {
        childPosition = right;
      }
      const child = this.heap[childPosition] as ScheduledEvent;
      if (!isBefore(child, event)) {
        break;
      }
      this.heap[position] = child;
      position = childPosition;
    }
    this.heap[position] = event;
  }
}

function isBefore(one: ScheduledEvent, other: ScheduledEvent): boolean {
  return one.timeUs === other.timeUs ? one.order < other.order : one.timeUs < other.timeUs;
}
