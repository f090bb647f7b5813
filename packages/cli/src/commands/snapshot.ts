import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { SnapshotError, type SnapshotSummary, summarizeSnapshot } from '@quorate/kv';
import {
  ConfigurationError,
  openBackupFile,
  parseConfiguration,
  restoreBackup,
  saveBackup,
  type ServerConfiguration,
} from '@quorate/server';
import { StorageError } from '@quorate/storage';
import { NodeFileSystem } from '@quorate/storage/node';
import type { Command } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { clientPerCommand, type ConnectionOptions, withConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { ProgressLine } from '../format/progress-line.ts';
import { formatTable } from '../format/table.ts';
import { counted, formatBytes, formatId, parseCount } from '../format/units.ts';
import { write, writeJson } from '../output.ts';

type JsonOption = { readonly json?: boolean };

const saveDescription = `Saves what one member holds to FILE, while the cluster goes on.

The member that is asked is the first of the endpoints that answers; name one to choose it. The file is checked while it comes in, and has its name only when it is complete and on the disk: an older file of that name is replaced then. It is no bbolt file; "etcdctl snapshot save" saves the same with its own checksum behind it.`;

const statusDescription = `Checks a snapshot file, all of it, and prints what it holds.

Takes files of "quorate snapshot save", of "etcdctl snapshot save" from a Quorate member, and of --backup-dir.`;

const restoreDescription = `Makes the data directory of a member of a new cluster that begins with what FILE holds.

Every member of the new cluster restores the same file with the same --initial-cluster, --initial-cluster-token and --bump-revision, and a --name of its own; then start each with "quorate serve" and the same options. The new cluster has an id of its own: members of the old one, and members that were started without the snapshot, are refused. --data-dir must be empty.

Clients that remember revisions, such as those that watch, must never see one again that means something else. If the old cluster wrote after the snapshot was made, give --bump-revision a number greater than the writes that are lost: revisions go on from there, and whoever watches from an older one is told that it is compacted.`;

/** `quorate snapshot` */
export function addSnapshot(program: Command, context: Context): void {
  const snapshot = program.command('snapshot').summary('back up and restore').description('About backups.');
  const saving = snapshot
    .command('save')
    .summary('save what a member holds')
    .description(saveDescription)
    .argument('<file>', 'where to; replaced if it exists')
    .option('--json', 'print JSON');
  withConnection(saving).action((file: string, options: ConnectionOptions & JsonOption) =>
    explained(() => save(file, options, context)),
  );
  snapshot
    .command('status')
    .summary('check a snapshot file')
    .description(statusDescription)
    .argument('<file>', 'the snapshot')
    .option('--json', 'print JSON')
    .action((file: string, options: JsonOption) => explained(() => status(file, options, context)));
  snapshot
    .command('restore')
    .summary('begin a new cluster with a snapshot')
    .description(restoreDescription)
    .argument('<file>', 'the snapshot')
    .option('--data-dir <dir>', 'where to; must not exist or be empty (default: NAME.quorate)')
    .option('--name <name>', 'what the member is called', 'default')
    .option('--initial-cluster <list>', 'all members of the new cluster: n1=http://10.0.0.1:2380,...')
    .option('--initial-cluster-token <token>', 'a word that goes into the ids of the new cluster')
    .option('--initial-advertise-peer-urls <url>', 'where the other members reach this one')
    .option('--bump-revision <n>', 'raise the revision by so much, and forget all history')
    .option('--mark-compacted', 'accepted for the sake of etcdutl: --bump-revision implies it')
    .option('--json', 'print JSON')
    .action((file: string, options: RestoreFlags) => explained(() => restore(file, options, context)));
}

async function save(file: string, options: ConnectionOptions & JsonOption, context: Context): Promise<void> {
  const path = resolve(context.directory, file);
  refuseDirectory(file, context);
  expectDirectory(dirname(file), context);
  const line = new ProgressLine(context.stderr);
  try {
    const saved = await clientPerCommand.use(options, context, async (client) => {
      // The members are asked in turn, for one that is there: a snapshot itself is not begun twice.
      const endpoint = await firstThatAnswers(client, context);
      let received = 0;
      async function* pieces(): AsyncGenerator<Uint8Array> {
        for await (const { bytes, remainingBytes } of client.snapshot({ endpoint, signal: context.signal })) {
          received += bytes.length;
          line.update(received / (received + remainingBytes), formatBytes(received));
          yield bytes;
        }
      }
      return { endpoint, ...(await saveBackup(new NodeFileSystem(), path, pieces())) };
    });
    line.clear();
    const { endpoint, sizeBytes, digest, header } = saved;
    const { index } = header.description;
    if (options.json === true) await writeJson(context.stdout, { file, endpoint, sizeBytes, digest, index });
    else await write(context.stdout, `saved ${formatBytes(sizeBytes)} of ${endpoint} to ${file}\n`);
  } finally {
    line.clear();
  }
}

/** What has a name: `unknown` if it cannot be looked at, which whoever opens it will explain. */
type Named = 'nothing' | 'directory' | 'file' | 'unknown';

function whatIs(name: string, { directory }: Context): Named {
  try {
    const found = statSync(resolve(directory, name), { throwIfNoEntry: false });
    if (found === undefined) return 'nothing';
    return found.isDirectory() ? 'directory' : 'file';
  } catch {
    return 'unknown';
  }
}

function expectDirectory(name: string, context: Context): void {
  const found = whatIs(name, context);
  if (found === 'nothing') throw new CliError(`there is no directory ${name}`, { hint: 'Create it first.' });
  if (found === 'file') throw new CliError(`${name} is not a directory`);
}

function expectFile(name: string, context: Context): void {
  if (whatIs(name, context) === 'nothing') throw new CliError(`there is no file ${name}`);
  refuseDirectory(name, context);
}

function refuseDirectory(name: string, context: Context): void {
  if (whatIs(name, context) === 'directory') {
    throw usageError(`${name} is a directory`, 'Name a file in it.');
  }
}

type Client = Parameters<Parameters<typeof clientPerCommand.use>[2]>[0];

async function firstThatAnswers(client: Client, { signal }: Context): Promise<string> {
  const failures: unknown[] = [];
  for (const endpoint of client.endpoints) {
    try {
      await client.status(endpoint, { signal });
      return endpoint;
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

async function status(file: string, { json }: JsonOption, context: Context): Promise<void> {
  expectFile(file, context);
  const backup = await openBackupFile(new NodeFileSystem(), resolve(context.directory, file));
  const line = new ProgressLine(context.stderr);
  try {
    let readBytes = 0;
    async function* content(): AsyncGenerator<Uint8Array> {
      for await (const bytes of backup.content()) {
        yield bytes;
        readBytes += bytes.length;
        line.update(readBytes / backup.sizeBytes, formatBytes(readBytes));
      }
    }
    const summary = await summarizeSnapshot(content());
    line.clear();
    const { sizeBytes, digest, header } = backup;
    const clusterId = formatId(header.clusterId);
    if (json === true) await writeJson(context.stdout, { ...summary, sizeBytes, digest, clusterId });
    else await write(context.stdout, toTable(summary, { sizeBytes, digest, clusterId }));
  } finally {
    line.clear();
    await backup.close();
  }
}

type FileFigures = { readonly sizeBytes: number; readonly digest: string; readonly clusterId: string };

function toTable(summary: SnapshotSummary, { sizeBytes, digest, clusterId }: FileFigures): string {
  const headings = ['HASH', 'REVISION', 'COMPACTED', 'KEYS', 'RECORDS', 'LEASES', 'SIZE', 'INDEX', 'CLUSTER'];
  const { revision, compactedRevision, keys, records, leases, appliedIndex } = summary;
  const figures = [revision, compactedRevision, keys, records, leases].map(String);
  const row = [digest.slice(0, 16), ...figures, formatBytes(sizeBytes), String(appliedIndex), clusterId];
  return formatTable(headings, [row]);
}

type RestoreFlags = JsonOption & {
  readonly dataDir?: string;
  readonly name: string;
  readonly initialCluster?: string;
  readonly initialClusterToken?: string;
  readonly initialAdvertisePeerUrls?: string;
  readonly bumpRevision?: string;
  readonly markCompacted?: boolean;
};

async function restore(file: string, options: RestoreFlags, context: Context): Promise<void> {
  const bumpRevision = parseCount('--bump-revision', options.bumpRevision ?? '0');
  if (options.markCompacted === true && bumpRevision === 0) {
    throw usageError('--mark-compacted makes sense with --bump-revision only');
  }
  expectFile(file, context);
  const configuration = configure(options, context);
  const line = new ProgressLine(context.stderr);
  try {
    const restored = await restoreBackup({
      fileSystem: new NodeFileSystem(),
      file: resolve(context.directory, file),
      configuration: { ...configuration, dataDir: resolve(context.directory, configuration.dataDir) },
      random: { integer: (bound) => Math.floor(Math.random() * bound) },
      bumpRevision,
      progress: (portion) => line.update(portion, 'restoring'),
    });
    line.clear();
    const { dataDir, members, name } = configuration;
    const clusterId = formatId(restored.clusterId);
    if (options.json === true) {
      await writeJson(context.stdout, { ...restored, clusterId, dataDir });
      return;
    }
    const { keys, revision } = restored;
    const rest =
      members.length === 1 ? '' : ' Restore the same file for every other member before you start one.';
    await write(
      context.stdout,
      `restored ${counted(keys, 'key')} at revision ${revision} to ${dataDir}, for member ${name} of cluster ${clusterId}.${rest}\n`,
    );
  } finally {
    line.clear();
  }
}

function configure(options: RestoreFlags, context: Context): ServerConfiguration {
  const flags = Object.entries({
    name: options.name,
    'data-dir': options.dataDir,
    'initial-cluster': options.initialCluster,
    'initial-cluster-token': options.initialClusterToken,
    'initial-advertise-peer-urls': options.initialAdvertisePeerUrls,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
  const { environment } = context;
  try {
    return parseConfiguration({ flags, environment, readFile: () => Buffer.alloc(0) }).configuration;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new CliError(error.message, { exitCode: exitCodes.usage.code, cause: error });
  }
}

/** What is wrong with a file or a disk is for people, and says what to do itself. */
async function explained(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof StorageError || error instanceof SnapshotError) {
      throw new CliError(error.message, { cause: error });
    }
    throw error;
  }
}
