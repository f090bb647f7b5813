import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import type { MemberPlan } from './cluster-plan.ts';
import { type MemberReport, toMemberReport } from './supervision.ts';

export type MemberProcessOptions = {
  readonly plan: MemberPlan;
  /** The program's own file, run by the same Node.js with the same flags. */
  readonly entry: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onReport: (report: MemberReport) => void;
  /** Called once, when the process is gone. */
  readonly onExit: (reason: string) => void;
};

/** A member's log is set aside when it has grown to this size. */
const logMaxBytes = 10 * 1024 * 1024;

/** One member as a child process. It ends with this process, however this ends: their channel closes then. */
export class MemberProcess {
  readonly plan: MemberPlan;
  readonly #child: ChildProcess;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  #isGone = false;

  private constructor(plan: MemberPlan, child: ChildProcess, gone: Promise<void>) {
    this.plan = plan;
    this.#child = child;
    this.gone = gone;
  }

  static start(options: MemberProcessOptions): MemberProcess {
    const { plan, entry, environment } = options;
    const args = [entry, 'serve', '--supervised', `--config-file=${plan.configFile}`, '--log-format=pretty'];
    const log = openLog(plan.logFile);
    const child = spawn(process.execPath, [...process.execArgv, ...args], {
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...environment },
    });
    closeSync(log);
    child.on('message', (message) => {
      const report = toMemberReport(message);
      if (report !== null) options.onReport(report);
    });
    const ended = Promise.withResolvers<string>();
    child.once('error', (error) => ended.resolve(error.message));
    child.once('exit', (code, signal) =>
      ended.resolve(signal === null ? `exit code ${code}` : `killed by ${signal}`),
    );
    const member: MemberProcess = new MemberProcess(
      plan,
      child,
      ended.promise.then((reason) => {
        member.#isGone = true;
        options.onExit(reason);
      }),
    );
    return member;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.#isGone) this.#child.kill(signal);
  }
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > logMaxBytes) renameSync(file, `${file}.old`);
  return openSync(file, 'a', 0o600);
}
