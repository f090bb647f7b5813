import { posix } from 'node:path';
import type { Violation } from '../violation.ts';
import type { Workspace } from '../workspace.ts';

const bannedWords: ReadonlySet<string> = new Set(['util', 'utils', 'helper', 'helpers', 'misc', 'common']);
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*((\.property)?\.test)?\.ts$/;

/** File and folder names say what is inside: kebab-case, no drawer names, `index.ts` only as an entry. */
export function names(workspace: Workspace): Violation[] {
  const entries = new Set<string>();
  for (const owner of workspace.packages) {
    for (const conditions of Object.values(owner.manifest.exports)) {
      entries.add(posix.join(owner.directory, conditions['quorate-source'] ?? ''));
    }
  }
  const violations: Violation[] = [];
  for (const { path } of workspace.modules) {
    const word = path.split(/[/.-]/).find((part) => bannedWords.has(part));
    if (word !== undefined) {
      const remedy = 'name it for what it does';
      violations.push({ path, line: 1, what: `"${word}" says nothing about the content`, remedy });
    }
    const file = posix.basename(path);
    if (!kebabCase.test(file)) {
      violations.push({ path, line: 1, what: `${file} is not kebab-case`, remedy: 'rename it' });
    }
    if (file === 'index.ts' && !entries.has(path)) {
      const remedy = "import the files themselves; index.ts is only a package's entry";
      violations.push({ path, line: 1, what: 'index.ts inside a package', remedy });
    }
  }
  return violations;
}
