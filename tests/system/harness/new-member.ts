import assert from 'node:assert/strict';
import { join } from 'node:path';
import { quorate } from './command.ts';
import { MemberProcess } from './member-process.ts';

export type NewMember = {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** Where data and log of the member go. */
  readonly directory: string;
  /** Members that can be asked. */
  readonly endpoints: readonly string[];
  readonly learner?: boolean;
};

/** Adds a member with `quorate member add`, and lays it out as the command says, without starting it. */
export async function addMember(member: NewMember): Promise<MemberProcess> {
  const { name, clientPort, peerPort, directory, endpoints, learner = false } = member;
  const { code, stdout, stderr } = await quorate([
    'member',
    'add',
    name,
    `--peer-url=http://127.0.0.1:${peerPort}`,
    `--client-url=http://127.0.0.1:${clientPort}`,
    `--endpoints=${endpoints.join(',')}`,
    '--timeout=30s',
    '--json',
    ...(learner ? ['--learner'] : []),
  ]);
  assert.equal(code, 0, stderr);
  const { args }: { args: string[] } = JSON.parse(stdout);
  const dataDirectory = join(directory, `${name}-${peerPort}`);
  return new MemberProcess({
    name,
    clientPort,
    peerPort,
    dataDirectory,
    logFile: `${dataDirectory}.log`,
    args: [...args, `--data-dir=${dataDirectory}`, '--log-format=json', '--log-level=debug'],
  });
}

/** Runs `quorate member ...`, which must succeed, and returns what it printed. */
export async function member(args: readonly string[], endpoints: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await quorate([
    'member',
    ...args,
    `--endpoints=${endpoints.join(',')}`,
    '--timeout=30s',
  ]);
  assert.equal(code, 0, stderr);
  return stdout;
}
