/** A client was told that it is the first in the queue. Times are true, in microseconds. */
export type LockTurn = {
  readonly client: string;
  /** The revision that created the client's key: its fencing token. */
  readonly token: number;
  /** When it asked the question that this was the answer to. */
  readonly askedUs: number;
  readonly toldUs: number;
};

/** A client was told what became of its act on the guarded key. */
export type LockAct = {
  readonly client: string;
  readonly token: number;
  /** What it wrote; never the same twice in a run. */
  readonly value: string;
  readonly isAccepted: boolean;
  /** Of the answer. */
  readonly revision: number;
};

/** An act arrived at the resource outside the store. */
export type OutsideAct = { readonly client: string; readonly token: number; readonly isAccepted: boolean };

/** A holder, as the leader of an election does, gave its key another value, and was told so. */
export type Proclamation = {
  readonly client: string;
  readonly token: number;
  readonly value: string;
  /** That made the value. */
  readonly revision: number;
  readonly toldUs: number;
};

/** A client was told who leads: whose key is the first in the queue, and since which revision it has its value. */
export type LeaderSighting = Proclamation & { readonly askedUs: number };
