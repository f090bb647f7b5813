import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Command, MemberPlan } from './cluster.ts';
import type { BenchmarkOptions } from './options.ts';

/** A system under test, as one column of the comparison. */
export type System = {
  /** Such as `quorate pipelined` or `etcd 3.4.23`. */
  readonly name: string;
  readonly command: (member: MemberPlan, all: readonly MemberPlan[]) => Command;
};

const commandLine = join(import.meta.dirname, '../../packages/cli/src/main.ts');

/**
 * What the options ask for, and etcd if it is installed, in the order in which it runs. `flags` are given to every
 * member of every system.
 */
export function chooseSystems(
  options: Pick<BenchmarkOptions, 'replication' | 'engine' | 'etcd'>,
  flags: readonly string[] = [],
): System[] {
  const systems = options.replication.map((mode) => quorate(mode, options.engine, flags));
  const etcdVersion = options.etcd ? findEtcd() : null;
  return etcdVersion === null ? systems : [...systems, etcd(etcdVersion, flags)];
}

function quorate(replication: string, engine: string, flags: readonly string[]): System {
  return {
    name: `quorate ${replication}`,
    command: (member, all) => ({
      file: process.execPath,
      args: [
        '--conditions=quorate-source',
        commandLine,
        'serve',
        ...clusterFlags(member, all),
        `--replication=${replication}`,
        `--engine=${engine}`,
        ...flags,
      ],
    }),
  };
}

/** etcd with its defaults, but for what a measurement must fix: it flushes every write, as Quorate does. */
function etcd(version: string, flags: readonly string[]): System {
  return {
    name: `etcd ${version}`,
    command: (member, all) => ({ file: 'etcd', args: [...clusterFlags(member, all), ...flags] }),
  };
}

/** Both systems take these flags. */
function clusterFlags(member: MemberPlan, all: readonly MemberPlan[]): string[] {
  return [
    `--name=${member.name}`,
    `--data-dir=${member.dataDirectory}`,
    `--listen-client-urls=${member.clientUrl}`,
    `--advertise-client-urls=${member.clientUrl}`,
    `--listen-peer-urls=${member.peerUrl}`,
    `--initial-advertise-peer-urls=${member.peerUrl}`,
    `--initial-cluster=${all.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')}`,
    `--initial-cluster-state=${member.clusterState}`,
    '--initial-cluster-token=benchmark',
  ];
}

/** The version of the `etcd` on the PATH, or null if there is none. */
function findEtcd(): string | null {
  const { status, stdout } = spawnSync('etcd', ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'of unknown version') : null;
}
