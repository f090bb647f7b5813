import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Context } from '../context.ts';

const linesMax = 1_000;

/** The lines typed in earlier shells, in a file that only its owner can read. */
export class History {
  readonly #file: string;
  #lines: string[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** Reads the file. One that does not exist, or cannot be read, means an empty history. */
  static async load(file: string): Promise<History> {
    const history = new History(file);
    const text = await readFile(file, 'utf8').catch(() => '');
    history.#lines = text.split('\n').filter((line) => line !== '');
    return history;
  }

  /** Newest first, each line once. */
  get newestFirst(): readonly string[] {
    return [...new Set(this.#lines.toReversed())];
  }

  /** Remembers a line, unless it is empty, begins with a space (so that secrets can stay out), or repeats the last. */
  add(line: string): void {
    if (line.trim() === '' || line.startsWith(' ') || line === this.#lines.at(-1)) return;
    this.#lines.push(line);
  }

  /** Writes the file, or tells why not: a shell works without. */
  async save(): Promise<string | null> {
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      const text = this.#lines.slice(-linesMax).map((line) => `${line}\n`);
      await writeFile(this.#file, text.join(''), { mode: 0o600 });
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** `$QUORATE_HISTORY`, or `quorate/history` where the user's programs keep their state. */
export function historyFile({ environment }: Context): string {
  const state = environment['XDG_STATE_HOME'] || join(environment['HOME'] || homedir(), '.local', 'state');
  return environment['QUORATE_HISTORY'] || join(state, 'quorate', 'history');
}
