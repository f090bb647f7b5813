import type { Violation } from '../violation.ts';
import { isGenerated, type Workspace } from '../workspace.ts';

type Pattern = {
  readonly expression: RegExp;
  /** Makes it right if the line above looks like this. */
  readonly excuse?: RegExp;
  readonly what: string;
  readonly remedy: string;
};

const everywhere: readonly Pattern[] = [
  {
    expression: /\b(?:TO[D]O|FIX[M]E|XX[X])\b/,
    what: 'a forgotten note',
    remedy: 'do it now, or open an issue and say here what holds today',
  },
  {
    expression: /(?:^|[^\w.~-])(?:\/(?:home|Users|work)\/\w|\/root\/)/,
    what: "a path of somebody's machine",
    remedy: 'make it relative, or compute it',
  },
];

const inCode: readonly Pattern[] = [
  {
    expression: /@ts-(?:ignore|nocheck)\b/,
    what: 'the type checker is switched off',
    remedy: 'fix the type, or use @ts-expect-error with a reason',
  },
  {
    expression: /@ts-expect-error\s*(?:\*\/\s*)?$/,
    what: 'a type error is expected without a reason',
    remedy: 'say why on the same line',
  },
  {
    expression: /(?:oxlint|eslint)-disable(?!.* -- \S)/,
    excuse: /^\s*(?:\/\/|\*)/,
    what: 'a lint rule is switched off without a reason',
    remedy: 'give the reason in a comment above it or after " -- ", or fix the code',
  },
];

/** What a search through the text finds dependably. */
export function sourceText(workspace: Workspace): Violation[] {
  const violations: Violation[] = [];
  for (const [path, text] of workspace.files) {
    if (isGenerated(path) || path === 'package-lock.json') {
      continue;
    }
    const patterns = path.endsWith('.ts') ? [...everywhere, ...inCode] : everywhere;
    const lines = text.split('\n');
    for (const [index, line] of lines.entries()) {
      const above = lines[index - 1] ?? '';
      for (const { expression, what, remedy, excuse } of patterns) {
        if (expression.test(line) && excuse?.test(above) !== true) {
          violations.push({ path, line: index + 1, what, remedy });
        }
      }
    }
  }
  return violations;
}
