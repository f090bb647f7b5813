import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { endWithTests, quorateArguments } from './command.ts';

/** How one member is started; the same again after it was killed. */
export type MemberPlan = {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly dataDirectory: string;
  /** Where its output goes; a restarted member appends. */
  readonly logFile: string;
  readonly args: readonly string[];
};

/** A line of a member's log. */
export type LogLine = { readonly msg: string; readonly [field: string]: unknown };

const stopTimeoutMs = 30_000;

/** One `quorate serve` process that can be killed, paused and started again. */
export class MemberProcess {
  readonly plan: MemberPlan;
  #child: ChildProcess | null = null;

  constructor(plan: MemberPlan) {
    this.plan = plan;
  }

  get name(): string {
    return this.plan.name;
  }

  /** `host:port` of its client port. */
  get endpoint(): string {
    return `127.0.0.1:${this.plan.clientPort}`;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The signal that ended the process, or null. */
  get signal(): NodeJS.Signals | null {
    return this.#child?.signalCode ?? null;
  }

  /** Starts the process; it answers some time later. */
  start(): void {
    assert(!this.isRunning, `${this.name} runs already`);
    const output = openSync(this.plan.logFile, 'a');
    try {
      this.#child = spawn(process.execPath, [...quorateArguments, 'serve', ...this.plan.args], {
        stdio: ['ignore', output, output],
      });
    } finally {
      closeSync(output);
    }
    endWithTests(this.#child);
  }

  /** As a power switch for the process: it cannot do anything any more. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#signalAndWait('SIGKILL');
  }

  /** Asks the process to stop, as an operator would, and returns its exit code. */
  async stop(): Promise<number | null> {
    await this.#signalAndWait('SIGTERM');
    return this.#child?.exitCode ?? null;
  }

  /** Waits until the process ends by itself, and returns its exit code. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    assert(child !== null, `${this.name} was never started`);
    if (this.isRunning) {
      await once(child, 'exit');
    }
    return child.exitCode;
  }

  /** The process stops executing, while its connections stay: a host that hangs. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Everything that the process has written, over all its lives. */
  output(): string {
    return readFileSync(this.plan.logFile, 'utf8');
  }

  /** The end of the output, for messages. */
  lastOutput(): string {
    return this.isRunning ? 'runs' : this.output().trim().split('\n').slice(-5).join('\n');
  }

  /** The output as structured log lines, without lines of another form. */
  logLines(): LogLine[] {
    const lines: LogLine[] = [];
    for (const line of this.output().split('\n')) {
      if (line.startsWith('{') && line.endsWith('}')) {
        lines.push(JSON.parse(line));
      }
    }
    return lines;
  }

  async #signalAndWait(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === null || !this.isRunning) {
      return;
    }
    const exited = once(child, 'exit');
    child.kill('SIGCONT'); // A paused process could not handle the signal.
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await exited;
    clearTimeout(timer);
  }
}
