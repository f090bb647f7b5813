import { AssertionError, assert } from '../assert.ts';
import { type MemberId, toLogIndex } from '../identifiers.ts';
import type { RaftOptions } from '../options.ts';
import { replicationPreset } from '../presets.ts';
import { type ConfigurationParts, configuration, memberId } from './builders.ts';
import { nameOf, tellEntry, tellEvent, tellMessage, tellStatus } from './narrator.ts';
import { TestCluster, TICK_MS } from './test-cluster.ts';
import type { TestMember } from './test-member.ts';

type Arguments = {
  readonly all: readonly string[];
  /** Words without `=`, in order. */
  readonly words: readonly string[];
  /** Words `name=value`. */
  readonly settings: ReadonlyMap<string, string>;
};

type Action = (stage: Stage, given: Arguments) => void;

/** Where stories are performed: a cluster, and the commands that a story moves it with. */
export class Stage {
  #cluster: TestCluster | null = null;
  #lines: string[] = [];

  /** Performs one command and returns what there is to tell about it. A broken invariant is told, too. */
  perform(line: string): readonly string[] {
    this.#lines = [];
    const [name = '', ...rest] = line.split(/\s+/);
    const action = actions[name];
    assert(action !== undefined, `there is no command ${name}`);
    try {
      action(this, parse(rest));
    } catch (error) {
      if (!(error instanceof AssertionError)) {
        throw error;
      }
      this.tell(`assertion failed: ${error.message}`);
    }
    return this.#lines.length === 0 ? ['(nothing happens)'] : this.#lines;
  }

  get cluster(): TestCluster {
    assert(this.#cluster !== null, 'a story starts with the command cluster');
    return this.#cluster;
  }

  tell(line: string): void {
    this.#lines.push(line);
  }

  open(given: Arguments): void {
    const options = clusterOptions(given);
    const logs: Record<number, readonly number[]> = {};
    for (const [name, value] of given.settings) {
      if (/^n\d+$/.test(name)) {
        logs[numberOf(name)] = numbers(value);
      }
    }
    this.#cluster = new TestCluster({
      founders: configurationParts(given),
      spares: numbers(given.settings.get('spares') ?? ''),
      logs,
      ...(given.settings.has('term') ? { term: Number(given.settings.get('term')) } : {}),
      options,
      automatic: !given.words.includes('slow-disks'),
    });
    this.#cluster.onEvent = (member: MemberId, event) => this.tell(tellEvent(member, event));
    this.#cluster.onAnswer = (member: MemberId, answer) => this.tell(`${nameOf(member)} ${answer}`);
    this.tell(`a cluster of ${[...this.#cluster.members.keys()].map(nameOf).join(' ')}`);
  }

  /** The member that a word names. */
  member(word: string | undefined): TestMember {
    return this.cluster.member(numberOf(word));
  }

  /** The members that a word names: one, or `all` that are up. */
  members(word: string | undefined): readonly TestMember[] {
    return word === 'all' ? this.cluster.running() : [this.member(word)];
  }

  /** Delivers messages until nothing that `wanted` accepts is under way. */
  deliver(wanted: (way: string) => boolean, quietly: boolean): void {
    const { network } = this.cluster;
    for (;;) {
      const position = network.findIndex(({ from, to }) => wanted(`${nameOf(from)}->${nameOf(to)}`));
      const message = network[position];
      if (message === undefined) {
        return;
      }
      const lost =
        this.cluster.isCut(message.from, message.to) || this.cluster.members.get(message.to)?.isUp !== true;
      if (!quietly) {
        this.tell(lost ? `${tellMessage(message)} (lost)` : tellMessage(message));
      }
      this.cluster.deliver(position);
    }
  }
}

/** Every command of the stories. `testdata/README.md` explains them to their readers. */
const actions: Readonly<Record<string, Action>> = {
  cluster: (stage, given) => stage.open(given),
  campaign: (stage, { words }) => void stage.cluster.step(stage.member(words[0]), { type: 'campaign' }),
  tick: (stage, { words }) => {
    const count = Number(words[1] ?? 1);
    if (words[0] === 'all') {
      stage.cluster.tickAll(count);
      return;
    }
    for (let ticked = 0; ticked < count; ticked += 1) {
      stage.cluster.nowMs += TICK_MS;
      stage.cluster.tick(stage.member(words[0]));
    }
  },
  run: (stage, { words }) => stage.cluster.run(Number(words[0] ?? 1)),
  deliver: (stage, { words }) => stage.deliver(waysOf(words), false),
  settle: (stage, { words }) => stage.deliver(waysOf(words), true),
  rest: (stage) => stage.cluster.rest(),
  drop: (stage, { words }) => {
    const wanted = waysOf(words);
    const { network } = stage.cluster;
    for (const message of network.filter(({ from, to }) => wanted(`${nameOf(from)}->${nameOf(to)}`))) {
      stage.tell(`${tellMessage(message)} (lost)`);
      stage.cluster.drop(network.indexOf(message));
    }
  },
  network: (stage) => stage.cluster.network.forEach((message) => stage.tell(tellMessage(message))),
  persist: (stage, { words }) => {
    for (const member of stage.members(words[0])) {
      for (
        let left = Number(words[1] ?? Number.MAX_SAFE_INTEGER);
        left > 0 && member.disk.pendingWrites > 0;
        left -= 1
      ) {
        stage.tell(`${nameOf(member.id)} has written`);
        stage.cluster.persist(member);
      }
    }
  },
  apply: (stage, { words }) => {
    for (const member of stage.members(words[0]).filter(({ toApply }) => toApply.length > 0)) {
      stage.tell(`${nameOf(member.id)} applies ${member.toApply.map(tellEntry).join(', ')}`);
      stage.cluster.apply(member, member.toApply.length);
    }
  },
  propose: (stage, { all }) => {
    for (const text of all.slice(1)) {
      stage.cluster.propose(stage.member(all[0]), text);
    }
  },
  read: (stage, { words }) => void stage.cluster.read(stage.member(words[0])),
  crash: (stage, { words }) => stage.cluster.crash(stage.member(words[0]), Number(words[1] ?? 0)),
  restart: (stage, { words }) => stage.cluster.restart(stage.member(words[0])),
  'close-connections': (stage, { words }) => stage.cluster.closeConnections(stage.member(words[0])),
  unreachable: (stage, { words }) =>
    void stage.cluster.step(stage.member(words[0]), {
      type: 'peer-unreachable',
      peer: memberId(numberOf(words[1])),
    }),
  partition: (stage, { words }) => stage.cluster.partition(...words.map((group) => numbers(group))),
  heal: (stage) => stage.cluster.heal(),
  transfer: (stage, { words }) =>
    void stage.cluster.step(stage.member(words[0]), {
      type: 'transfer-leadership',
      to: memberId(numberOf(words[1])),
    }),
  configure: (stage, given) =>
    void stage.cluster.step(stage.member(given.words[0]), {
      type: 'propose-configuration',
      id: 0,
      configuration: configuration(configurationParts(given)),
    }),
  compact: (stage, { words }) => stage.cluster.compact(stage.member(words[0]), toLogIndex(Number(words[1]))),
  install: (stage, { words }) => {
    const member = stage.member(words[0]);
    if (words[1] === 'fails') {
      stage.cluster.failTransfer(member);
    } else {
      stage.cluster.beginInstall(member);
      stage.cluster.finishInstall(member);
    }
  },
  log: (stage, { words }) => {
    for (const member of stage.members(words[0])) {
      stage.tell(`${nameOf(member.id)} ${member.log.map(tellEntry).join(', ')}`);
    }
  },
  status: (stage, { words }) => {
    for (const member of stage.members(words[0] ?? 'all')) {
      tellStatus(member.running.status()).forEach((line) => stage.tell(line));
    }
  },
};

function parse(words: readonly string[]): Arguments {
  const settings = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) {
      settings.set(word.slice(0, equals), word.slice(equals + 1));
    }
  }
  return { all: words, words: words.filter((word) => !word.includes('=')), settings };
}

function clusterOptions({ words, settings }: Arguments): Partial<RaftOptions> {
  const replication = replicationPreset(words.includes('vanilla') ? 'vanilla' : 'pipelined');
  const window = Number(settings.get('window') ?? replication.inflightMaxMessages);
  return {
    preVote: !words.includes('no-pre-vote'),
    checkQuorum: !words.includes('no-check-quorum'),
    reads: words.includes('lease') ? 'lease' : 'read-index',
    replication: { ...replication, inflightMaxMessages: window },
    uncommittedMaxBytes: Number(settings.get('uncommitted-bytes') ?? 1_000_000),
  };
}

function configurationParts({ settings }: Arguments): ConfigurationParts {
  return {
    voters: numbers(settings.get('voters') ?? '1,2,3'),
    outgoing: numbers(settings.get('outgoing') ?? ''),
    learners: numbers(settings.get('learners') ?? ''),
  };
}

/** `n1->n2` for one way, `n2` for all that arrives there, nothing for everything. */
function waysOf(words: readonly string[]): (way: string) => boolean {
  return (way) => words.length === 0 || words.some((word) => way === word || way.endsWith(`->${word}`));
}

/** `1,2,5` or `n1,n2,n5`. */
function numbers(list: string): number[] {
  return list === '' ? [] : list.split(',').map((item) => numberOf(item));
}

function numberOf(name: string | undefined): number {
  const number = Number(name?.replace(/^n/, ''));
  assert(Number.isSafeInteger(number) && number >= 0, `${name} names a member, or is a number`);
  return number;
}
