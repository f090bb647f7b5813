import { posix } from 'node:path';
import type { Import } from './imports.ts';
import type { Module, Workspace } from './workspace.ts';

/** An import between two files of the repository. */
export type Edge = { readonly from: string; readonly to: string; readonly line: number };

/** Where a relative import leads, or null if it names a package or the Node.js library. */
export function relativeTarget(module: Pick<Module, 'path'>, found: Import): string | null {
  return found.specifier.startsWith('.')
    ? posix.normalize(posix.join(posix.dirname(module.path), found.specifier))
    : null;
}

/** `@scope/name/sub` -> `{ name: '@scope/name', subpath: './sub' }`; null for relative and `node:` imports. */
export function packageTarget(found: Import): { name: string; subpath: string } | null {
  if (found.specifier.startsWith('.') || found.specifier.startsWith('node:') || found.kind === 'location') {
    return null;
  }
  const parts = found.specifier.split('/');
  const length = found.specifier.startsWith('@') ? 2 : 1;
  const rest = parts.slice(length).join('/');
  return { name: parts.slice(0, length).join('/'), subpath: rest === '' ? '.' : `./${rest}` };
}

/** The source file behind an export or bin of a manifest, such as `src/index.ts`. */
export function sourceOfTarget(target: string): string {
  return posix
    .normalize(target)
    .replace(/^dist\//, 'src/')
    .replace(/\.(d\.ts|js)$/, '.ts');
}

/** Every import that leads from one file of the repository to another, across packages as well. */
export function findEdges(workspace: Workspace): Edge[] {
  const edges: Edge[] = [];
  for (const module of [...workspace.modules, ...workspace.generated]) {
    for (const found of module.imports) {
      const to = relativeTarget(module, found) ?? exportedFile(workspace, found);
      if (to !== null) {
        edges.push({ from: module.path, to, line: found.line });
      }
    }
  }
  return edges;
}

function exportedFile(workspace: Workspace, found: Import): string | null {
  const target = packageTarget(found);
  const owner = workspace.packages.find((candidate) => candidate.manifest.name === target?.name);
  const source = target === null ? undefined : owner?.manifest.exports[target.subpath]?.['quorate-source'];
  return owner === undefined || source === undefined ? null : posix.join(owner.directory, source);
}
