import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Detector, Mutation } from './mutation.ts';

/** What a detector said of a mutation. */
export type Detection = { readonly seconds: number } & (
  | { readonly type: 'caught'; readonly after: string; readonly finding: string }
  | { readonly type: 'missed'; readonly after: string }
  /** Nothing is known: it could not be run, or the mutated code was not reached. */
  | { readonly type: 'broken'; readonly reason: string }
);

/** Mutated code may never come to an end. Whoever takes longer is stopped, and has found nothing. */
const detectorMaxMs = 10 * 60_000;

const root = path.join(import.meta.dirname, '../..');

/** Runs a detector against the mutated packages, in processes of its own. */
export async function detect(mutation: Mutation, detector: Detector): Promise<Detection> {
  const directory = await mkdtemp(path.join(tmpdir(), 'quorate-mutation-'));
  const startedMs = performance.now();
  try {
    const notes = path.join(directory, 'notes');
    const run = await runNode(argumentsOf(detector), {
      QUORATE_MUTATION: mutation.name,
      QUORATE_MUTATION_NOTES: notes,
      NODE_OPTIONS: `--import=${path.join(root, 'tests/mutations/apply-mutation.ts')}`,
    });
    const seconds = (performance.now() - startedMs) / 1000;
    const reached = new Set((await readFile(notes, 'utf8').catch(() => '')).split('\n'));
    const missing = mutation.edits.find((edit) => !reached.has(edit.file));
    if (missing !== undefined) {
      return {
        type: 'broken',
        seconds,
        reason: `${missing.file} was not loaded\n${run.stderr.slice(-2000)}`,
      };
    }
    if (run.code === null)
      return { type: 'broken', seconds, reason: `stopped after ${seconds.toFixed(0)} s` };
    return { seconds, ...judge(detector, run) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export function describeDetector(detector: Detector): string {
  switch (detector.kind) {
    case 'model-check':
      return `model checker, ${detector.bounds}`;
    case 'simulate':
      return ['simulator', ...detector.arguments].join(' ');
    case 'tests':
      return `tests of ${detector.files.map((file) => path.relative('packages', file)).join(', ')}`;
    case 'chaos':
      return `live chaos, ${detector.faults.join(', ')}`;
  }
}

function argumentsOf(detector: Detector): readonly string[] {
  switch (detector.kind) {
    case 'model-check': {
      const { bounds, statesMax } = detector;
      const checker = 'packages/simulator/src/model-checker/main.ts';
      return [checker, '--bounds', bounds, '--max-states', String(statesMax), '--json'];
    }
    case 'simulate': {
      const { seeds, arguments: further } = detector;
      return [
        'packages/simulator/src/main.ts',
        '--seeds',
        String(seeds),
        '--no-shrink',
        '--json',
        ...further,
      ];
    }
    case 'tests':
      return ['--test', '--test-reporter=tap', '--test-timeout=60000', ...detector.files];
    case 'chaos': {
      const faults = detector.faults.join(',');
      return ['tests/chaos/main.ts', '--minutes', '0.5', '--seed', '1', '--faults', faults];
    }
  }
}

type Run = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

type Judgement =
  | { readonly type: 'caught'; readonly after: string; readonly finding: string }
  | { readonly type: 'missed'; readonly after: string }
  | { readonly type: 'broken'; readonly reason: string };

function judge(detector: Detector, run: Run): Judgement {
  switch (detector.kind) {
    case 'model-check':
      return judgeModelCheck(run);
    case 'simulate':
      return judgeSimulation(run);
    case 'tests':
      return judgeTests(run);
    case 'chaos':
      return judgeChaos(run);
  }
}

function judgeModelCheck(run: Run): Judgement {
  const report = lastJson(run.stdout) as {
    ending?: { type: string; reason?: string };
    states?: number;
  } | null;
  const prelude = /on the way to the start: .*|the prelude elects its candidate/.exec(run.stderr);
  if (report === null) {
    return prelude === null
      ? { type: 'broken', reason: run.stderr.slice(-2000) }
      : { type: 'caught', after: 'the first states', finding: prelude[0] };
  }
  const after = `${(report.states ?? 0).toLocaleString('en-US')} states`;
  return report.ending?.type === 'violation'
    ? { type: 'caught', after, finding: report.ending.reason ?? '' }
    : { type: 'missed', after };
}

function judgeSimulation(run: Run): Judgement {
  const report = lastJson(run.stdout) as {
    runs?: number;
    violation?: { property: string; explanation: string } | null;
  } | null;
  if (report === null) return { type: 'broken', reason: run.stderr.slice(-2000) };
  const { runs = 0, violation = null } = report;
  const after = runs === 1 ? '1 seed' : `${runs} seeds`;
  return violation === null
    ? { type: 'missed', after }
    : { type: 'caught', after, finding: `${violation.property}: ${violation.explanation}` };
}

/** A file that cannot be loaded fails too, but that is no finding: only a failed test is. */
function judgeTests(run: Run): Judgement {
  const failed = [...run.stdout.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map((match) => match[1] ?? '');
  const [first] = failed.filter((name) => !name.endsWith('.test.ts'));
  const count = /^# tests (\d+)$/m.exec(run.stdout)?.[1] ?? '0';
  if (first !== undefined) return { type: 'caught', after: `${count} tests`, finding: first };
  if (run.code === 0 && count !== '0') return { type: 'missed', after: `${count} tests` };
  return { type: 'broken', reason: `${run.stdout.slice(-2000)}${run.stderr.slice(-2000)}` };
}

function judgeChaos(run: Run): Judgement {
  const after = `${/^calls: (\d+) answered/m.exec(run.stdout)?.[1] ?? 'no'} calls`;
  const found = /^VIOLATED: (.*)$/m.exec(run.stdout);
  if (found !== null) return { type: 'caught', after, finding: found[1] ?? '' };
  if (run.code === 0) return { type: 'missed', after };
  return { type: 'broken', reason: `${run.stdout.slice(-2000)}${run.stderr.slice(-2000)}` };
}

/** The last line that is a JSON object, or null. */
function lastJson(text: string): unknown {
  const line = text
    .trimEnd()
    .split('\n')
    .findLast((candidate) => candidate.startsWith('{'));
  return line === undefined ? null : JSON.parse(line);
}

async function runNode(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Run> {
  const child = spawn(process.execPath, ['--conditions=quorate-source', ...args], {
    cwd: root,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: detectorMaxMs,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', reject).on('close', resolve);
  return { code: await promise, ...output };
}
