import { posix } from 'node:path';
import type { Violation } from '../violation.ts';
import type { Workspace } from '../workspace.ts';

const link = /\]\(([^)\s]+)\)/g;
const quotedPath =
  /`((?:(?:packages|docs|tests|benchmarks|src|\.ci)\/)?[\w./-]*[\w-]\.(?:ts|md|json|proto))(?::\d+)?`/g;

/**
 * Documents do not lie about files: relative links lead somewhere, and a file named in backticks exists,
 * under its path from the root, from the document's folder or, for a bare name, anywhere.
 */
export function documents(workspace: Workspace): Violation[] {
  const violations: Violation[] = [];
  const baseNames = new Set([...workspace.files.keys()].map((path) => posix.basename(path)));
  const folders = new Set([...workspace.files.keys()].flatMap(ancestors));
  const exists = (path: string): boolean => workspace.files.has(path) || folders.has(path.replace(/\/$/, ''));
  for (const [path, text] of workspace.files) {
    if (!path.endsWith('.md')) {
      continue;
    }
    for (const [index, line] of text.split('\n').entries()) {
      const report = (what: string): void => {
        violations.push({ path, line: index + 1, what, remedy: 'correct the name, or remove it' });
      };
      for (const [, target = ''] of line.matchAll(link)) {
        const file = target.replace(/#.*$/, '');
        if (
          !/^(?:https?|mailto):/.test(target) &&
          file !== '' &&
          !exists(posix.join(posix.dirname(path), file))
        ) {
          report(`the link ${target} leads nowhere`);
        }
      }
      for (const [, name = ''] of line.matchAll(quotedPath)) {
        const bare = !name.includes('/') && baseNames.has(name);
        if (!bare && !exists(posix.normalize(name)) && !exists(posix.join(posix.dirname(path), name))) {
          report(`there is no file ${name}`);
        }
      }
    }
  }
  return violations;
}

function ancestors(path: string): string[] {
  const folders: string[] = [];
  for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) {
    folders.push(folder);
  }
  return folders;
}
