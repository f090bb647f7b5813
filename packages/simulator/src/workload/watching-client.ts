import { EngineError, StoreError, type WatchNotice, type WatchStream } from '@quorate/kv';
import {
  type Event,
  WatchCreateRequest,
  WatchCreateRequest_FilterType as FilterType,
} from '@quorate/protocol';
import type { Cluster } from '../cluster/cluster.ts';
import type { Life } from '../host/life.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import type { WatchPlan } from '../plan/plan.ts';
import { toBytes, toText } from './requests.ts';
import {
  describeState,
  nameOf,
  type ToldEvent,
  type ToldNotice,
  type WatchRecord,
  type Watched,
  type WatchSession,
} from './watch-record.ts';

/** After a failure clients wait a little, as real ones do. */
const PAUSE_AFTER_FAILURE_MS = 50;
const NOTHING = new Uint8Array(0);

/** A watcher at a member, as its client sees it. */
type Session = {
  readonly host: number;
  readonly life: Life;
  readonly heard: WatchSession;
  stream: WatchStream | null;
};

/**
 * A client that watches: at one member after the other, going on where it was, until it is stopped. What it hears
 * goes into records, one for each time that it had to begin anew.
 */
export class WatchingClient {
  readonly records: WatchRecord[] = [];
  readonly name: string;
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly cluster: Cluster;
  private readonly plan: WatchPlan;
  private readonly random: RandomStream;
  private readonly watched: Watched;
  private readonly wantsProgress: boolean;
  /** It takes the revision of a response for how far it has seen, as some clients do, not that of the last event. */
  private readonly trustsHeader: boolean;
  /** Between two notices, in microseconds of mean. */
  private readonly paceUs: number;
  private record: WatchRecord;
  private session: Session | null = null;
  /** What the next session begins with; 0 for now. */
  private next = 0;
  private isFinishing = false;

  constructor(parts: {
    readonly number: number;
    readonly kernel: Kernel;
    readonly trace: Trace;
    readonly cluster: Cluster;
    readonly plan: WatchPlan;
    readonly keys: number;
    readonly random: RandomStream;
  }) {
    const { number, random, plan } = parts;
    this.name = `w${number}`;
    this.kernel = parts.kernel;
    this.trace = parts.trace;
    this.cluster = parts.cluster;
    this.plan = plan;
    this.random = random;
    this.watched = drawWatched(random, parts.keys);
    this.wantsProgress = random.chance(0.5);
    this.trustsHeader = random.chance(0.5);
    this.paceUs = random.chance(plan.slowChance) ? 100_000 : 0;
    this.record = this.begin();
  }

  start(): void {
    this.after(this.random.integer(3000), () => {
      this.next = this.random.pick([0, 0, 1, this.random.between(2, 100)]);
      this.connect();
    });
    this.wander();
    this.askForProgress();
  }

  /** From now on it stays where it is, unless it must not, so that it can hear everything. */
  finish(): void {
    this.isFinishing = true;
  }

  /** Whether it was told of everything up to a revision, as far as that is its business. */
  hasSeen(revision: number): boolean {
    return this.next > revision;
  }

  /** Where it is and how far it has got, in words. */
  get position(): string {
    const { session } = this;
    return session === null
      ? `nowhere, next ${this.next}`
      : `at ${session.heard.member}, next ${this.next}, ${session.stream?.size ?? 'no'} watchers`;
  }

  /** The process on this host died. */
  processDied(host: number): void {
    if (this.session?.host === host) this.lost('the connection is lost', 1);
  }

  private begin(): WatchRecord {
    const record = { name: `${this.name}.${this.records.length}`, watched: this.watched, sessions: [] };
    this.records.push(record);
    return record;
  }

  private connect(): void {
    const member = this.random.pick(this.cluster.members);
    const { life, replica } = member;
    if (life === null || replica === null) {
      this.after(PAUSE_AFTER_FAILURE_MS, () => this.connect());
      return;
    }
    const heard: WatchSession = { member: member.identity.name, asked: this.next, start: null, told: [] };
    const session: Session = { host: member.identity.host, life, heard, stream: null };
    this.session = session;
    this.record.sessions.push(heard);
    this.trace.detail(this.name, () => `watches at ${heard.member} from ${heard.asked}`);
    this.inMember(session, 0, () => {
      try {
        const stream = replica.store.watch(() => this.inMember(session, 0, () => this.take(session)));
        session.stream = stream;
        stream.create(this.request(heard.asked));
        if (this.random.chance(0.2)) stream.requestProgress();
      } catch (error) {
        if (!(error instanceof StoreError || error instanceof EngineError)) throw error;
        this.lost(`it cannot be served: ${error.message}`, PAUSE_AFTER_FAILURE_MS);
      }
    });
  }

  private request(startRevision: number): WatchCreateRequest {
    const { start, end, wantsPrevious, without } = this.watched;
    return WatchCreateRequest.create({
      key: toBytes(start),
      rangeEnd: end === null ? toBytes('\0') : end === `${start}\0` ? NOTHING : toBytes(end),
      startRevision,
      prevKv: wantsPrevious,
      progressNotify: this.wantsProgress,
      filters: without === null ? [] : [without === 'put' ? FilterType.NOPUT : FilterType.NODELETE],
    });
  }

  /** One notice reaches the client; the next one when it has dealt with that. */
  private take(session: Session): void {
    const notice = session.stream?.take() ?? null;
    if (notice === null) return;
    this.hear(session, notice);
    if (session.stream?.isEmpty === false) {
      const pauseUs = this.paceUs === 0 || this.isFinishing ? 0 : this.random.exponential(this.paceUs);
      this.inMember(session, pauseUs, () => this.take(session));
    }
  }

  private hear(session: Session, notice: WatchNotice): void {
    const { heard } = session;
    switch (notice.type) {
      case 'created':
        heard.start = heard.asked === 0 ? notice.revision + 1 : heard.asked;
        this.next = heard.start;
        return;
      case 'events': {
        const events = notice.events.map(toTold);
        const last = events.at(-1)?.revision ?? 0;
        this.note(session, { type: 'events', revision: notice.revision, events });
        this.next = (this.trustsHeader ? notice.revision : last) + 1;
        return;
      }
      case 'progress':
        this.note(session, { type: 'progress', revision: notice.revision });
        this.next = notice.revision + 1;
        return;
      case 'compacted':
        this.note(session, { type: 'compacted', compactedRevision: notice.compactedRevision });
        session.stream?.close();
        this.record = this.begin();
        this.next = notice.compactedRevision;
        this.lost('what it should hear is compacted', 1);
        return;
      case 'cancelled':
      case 'refused':
        throw new Error(`a watcher was ${notice.type} that should not be`);
    }
  }

  private note({ heard }: Session, notice: ToldNotice): void {
    heard.told.push(notice);
    this.trace.detail(this.name, () => `is told by ${heard.member}: ${describeNotice(notice)}`);
  }

  private lost(why: string, pauseMs: number): void {
    this.session = null;
    this.trace.detail(this.name, () => `goes elsewhere: ${why}`);
    this.after(pauseMs, () => this.connect());
  }

  /** Now and then it leaves its member and goes on at another one. */
  private wander(): void {
    this.after(this.random.exponential(this.plan.wanderMeanMs), () => {
      if (this.isFinishing) return;
      const { session } = this;
      if (session !== null && session.stream !== null && !session.life.paused) {
        session.life.after(0, () => session.stream?.close());
        this.lost('it wanders', 1);
      }
      this.wander();
    });
  }

  private askForProgress(): void {
    this.after(this.isFinishing ? 100 : this.random.exponential(this.plan.progressMeanMs), () => {
      const { session } = this;
      if (session !== null) {
        this.inMember(session, 0, () => {
          if (this.wantsProgress && this.random.chance(0.5)) session.stream?.tellProgress();
          else session.stream?.requestProgress();
        });
      }
      this.askForProgress();
    });
  }

  /** An event of the member's process, as long as this client has to do with it. */
  private inMember(session: Session, delayUs: number, run: () => void): void {
    session.life.after(delayUs, () => {
      if (this.session === session) run();
    });
  }

  private after(delayMs: number, run: () => void): void {
    this.kernel.schedule(Math.round(delayMs * 1000), run);
  }
}

function drawWatched(random: RandomStream, keys: number): Watched {
  const start = `k${random.integer(keys)}`;
  const end = random.pick([`${start}\0`, `k${random.integer(keys)}~`, null, null]);
  return {
    start: end === null && random.chance(0.5) ? '\0' : start,
    end: end !== null && end <= start ? null : end,
    wantsPrevious: random.chance(0.5),
    without: random.pick([null, null, 'put', 'delete']),
  };
}

function toTold({ type, kv, prevKv }: Event): ToldEvent {
  if (kv === undefined) throw new Error('an event has a key');
  return {
    revision: kv.modRevision,
    key: toText(kv.key),
    type: type === 0 ? 'put' : 'delete',
    state:
      type === 0
        ? describeState(kv)
        : kv.value.length === 0 && kv.version === 0
          ? 'nothing'
          : describeState(kv),
    previous: prevKv === undefined ? null : describeState(prevKv),
  };
}

function describeNotice(notice: ToldNotice): string {
  switch (notice.type) {
    case 'events':
      return `${notice.events.map((event) => `${event.type} ${nameOf(event)}`).join(', ')} up to ${notice.revision}`;
    case 'progress':
      return `progress up to ${notice.revision}`;
    case 'compacted':
      return `compacted at ${notice.compactedRevision}`;
  }
}
