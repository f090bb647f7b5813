import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { environmentVariableOf, options as serverOptions, parseConfiguration } from '@quorate/server';
import { CliError, usageError } from '../cli-error.ts';

/** What a local cluster is like; remembered beside its data, so that it can be started again without options. */
export type ClusterShape = {
  readonly members: number;
  /** The first of two ports for each member, or null for the usual ones. */
  readonly basePort: number | null;
  readonly engine: string;
  readonly replication: string;
};

/** What was asked for on the command line; the rest is as it was, or by default. */
export type AskedShape = {
  readonly members: number | undefined;
  readonly basePort: number | undefined;
  readonly engine: string | undefined;
  readonly replication: string | undefined;
};

export type MemberPlan = {
  readonly name: string;
  /** In hexadecimal, as the member itself reports it. */
  readonly id: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly configFile: string;
  readonly logFile: string;
};

const formatVersion = 1;
const defaultShape: ClusterShape = {
  members: 3,
  basePort: null,
  engine: serverOptions.engine.default,
  replication: serverOptions.replication.default,
};

/**
 * Settles what the cluster in a directory is like: as it was when it was first started, but for what may change
 * between starts. Creates the directory, but remembers nothing yet. Throws a CliError if what was asked for contradicts what is there.
 */
export async function settleShape(directory: string, asked: AskedShape): Promise<ClusterShape> {
  await createDirectory(directory);
  const before = await readShape(directory);
  const shape = {
    members: asked.members ?? before?.members ?? defaultShape.members,
    basePort: asked.basePort ?? before?.basePort ?? defaultShape.basePort,
    engine: checked('engine', asked.engine ?? before?.engine ?? defaultShape.engine),
    replication: checked('replication', asked.replication ?? before?.replication ?? defaultShape.replication),
  };
  if (before !== null) checkUnchanged(directory, before, shape);
  portsOf(shape);
  return shape;
}

/** Remembers what the cluster is like. */
async function writeShape(directory: string, shape: ClusterShape): Promise<void> {
  const content = `${JSON.stringify({ formatVersion, ...shape }, null, 2)}\n`;
  await replaceFile(join(directory, 'cluster.json'), content);
}

/** Writes what the cluster is like, and a configuration file for each member, to be used by `quorate serve --config-file`. */
export async function writeClusterFiles(
  directory: string,
  shape: ClusterShape,
): Promise<readonly MemberPlan[]> {
  await writeShape(directory, shape);
  const ports = portsOf(shape);
  const names = ports.map((_, index) => `m${index + 1}`);
  const peerUrls = ports.map(({ peer }) => `http://127.0.0.1:${peer}`);
  const founding = Object.fromEntries(names.map((name, index) => [name, peerUrls[index]]));
  const plans: MemberPlan[] = [];
  for (const [index, { client, peer }] of ports.entries()) {
    const name = names[index] ?? '';
    const clientUrls = [`http://127.0.0.1:${client}`];
    const configuration = {
      name,
      'data-dir': join(directory, name),
      'listen-client-urls': clientUrls,
      'advertise-client-urls': clientUrls,
      'listen-peer-urls': [peerUrls[index]],
      'initial-advertise-peer-urls': [peerUrls[index]],
      'initial-cluster': founding,
      'initial-cluster-token': 'quorate-up',
      engine: shape.engine,
      replication: shape.replication,
    };
    const configFile = join(directory, `${name}.json`);
    const content = `${JSON.stringify(configuration, null, 2)}\n`;
    await replaceFile(configFile, content);
    const parsed = parseConfiguration({
      flags: [`--config-file=${configFile}`],
      environment: {},
      readFile: () => Buffer.from(content),
    });
    const id = parsed.configuration.memberId.toString(16);
    const logFile = join(directory, `${name}.log`);
    plans.push({ name, id, clientPort: client, peerPort: peer, configFile, logFile });
  }
  return plans;
}

/** What a member's file says; variables for these options are meant for some other member. */
const fixedOptions = [
  serverOptions.name,
  serverOptions.dataDir,
  serverOptions.listenClientUrls,
  serverOptions.advertiseClientUrls,
  serverOptions.listenPeerUrls,
  serverOptions.initialAdvertisePeerUrls,
  serverOptions.initialCluster,
  serverOptions.initialClusterToken,
  serverOptions.engine,
  serverOptions.replication,
];

/** The environment without what would override a member's file. */
export function memberEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const fixed = new Set(fixedOptions.map(environmentVariableOf));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !fixed.has(name)));
}

/** `2379, 22379, 32379, ...` for clients, or pairs from the base port on; the port for members is the next one. */
export function portsOf(shape: ClusterShape): readonly { readonly client: number; readonly peer: number }[] {
  const { members, basePort } = shape;
  return Array.from({ length: members }, (_, index) => {
    const usual = 2_379 + (index === 0 ? 0 : (index + 1) * 10_000);
    const client = basePort === null ? usual : basePort + 2 * index;
    if (client + 1 <= 65_535) return { client, peer: client + 1 };
    throw usageError(`--base-port ${basePort} leaves no room for ${members} members below port 65536`);
  });
}

function checkUnchanged(directory: string, before: ClusterShape, shape: ClusterShape): void {
  if (before.members !== shape.members) {
    throw new CliError(`${directory} holds a cluster of ${before.members} members, not ${shape.members}`, {
      hint: 'Leave --members out to start it again, or give another --data-dir for a new cluster.',
    });
  }
  // The addresses are part of the members' identities.
  if (before.basePort !== shape.basePort) {
    const { client } = portsOf(before)[0] ?? { client: 0 };
    throw new CliError(
      `the cluster in ${directory} has its ports from ${client} on, and they cannot change`,
      {
        hint: 'Leave --base-port out to start it again, or give another --data-dir for a new cluster.',
      },
    );
  }
}

function checked(name: 'engine' | 'replication', value: string): string {
  try {
    return serverOptions[name].type.parseText(value);
  } catch (error) {
    throw usageError(`--${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function createDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw fileError('cannot create', directory, cause);
  }
}

async function readShape(directory: string): Promise<ClusterShape | null> {
  const file = join(directory, 'cluster.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw fileError('cannot read', file, cause);
    const [found] = await readdir(directory);
    if (found === undefined) return null;
    throw new CliError(`${directory} is not empty, and no cluster of quorate up is in it`, {
      hint: 'Give another --data-dir.',
    });
  }
  return parseShape(file, text);
}

function parseShape(file: string, text: string): ClusterShape {
  let found: Partial<ClusterShape & { formatVersion: number }>;
  try {
    found = JSON.parse(text) as typeof found;
  } catch (cause) {
    throw new CliError(`${file} is damaged: it is no JSON`, { cause });
  }
  if (found.formatVersion !== formatVersion) {
    throw new CliError(
      `${file} has format version ${found.formatVersion}; this version of quorate knows ${formatVersion}`,
    );
  }
  const { members = 0, basePort = null, engine = '', replication = '' } = found;
  return { members, basePort, engine, replication };
}

/** Replaces a file at once: whoever reads it sees the old content or the new. */
async function replaceFile(file: string, content: string): Promise<void> {
  try {
    await writeFile(`${file}.new`, content, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (cause) {
    throw fileError('cannot write', file, cause);
  }
}

const meanings: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'a part of the path is no directory',
  EEXIST: 'it exists and is no directory',
};

function fileError(what: string, file: string, cause: unknown): CliError {
  const reason = meanings[codeOf(cause)] ?? (cause instanceof Error ? cause.message : String(cause));
  return new CliError(`${what} ${file}: ${reason}`, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
