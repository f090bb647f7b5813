import type { OutsideAct } from './lock-record.ts';

/** Something outside the store that holders of the lock act on: it refuses tokens lower than the highest it has seen. */
export class FencedResource {
  readonly acts: OutsideAct[] = [];
  private highest = 0;

  act(client: string, token: number): void {
    const isAccepted = token >= this.highest;
    this.highest = Math.max(this.highest, token);
    this.acts.push({ client, token, isAccepted });
  }
}
