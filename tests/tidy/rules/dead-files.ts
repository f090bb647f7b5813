import { posix } from 'node:path';
import { isStringLiteral, type Node } from 'typescript/unstable/ast';
import { findEdges, sourceOfTarget } from '../module-graph.ts';
import { walk } from '../syntax.ts';
import type { Violation } from '../violation.ts';
import type { Workspace } from '../workspace.ts';

/**
 * Every file must be of use to somebody: production files to what a package exports or runs, the others to
 * a test. A file is also used if a script or a string names its path from the root of the repository.
 */
export function deadFiles(workspace: Workspace): Violation[] {
  const production = reachable(workspace, productionEntries(workspace));
  const tests = workspace.modules.filter((module) => module.kind === 'test').map((module) => module.path);
  const any = reachable(workspace, new Set([...productionEntries(workspace), ...tests]));
  const violations: Violation[] = [];
  for (const { path, kind } of workspace.modules) {
    if (!any.has(path)) {
      const remedy = 'delete it, or use it';
      violations.push({ path, line: 1, what: 'no export, command or test reaches this file', remedy });
    } else if (kind === 'production' && !production.has(path)) {
      const remedy = 'move it to a folder testing/, or delete it with its test';
      violations.push({ path, line: 1, what: 'only tests reach this file', remedy });
    }
  }
  for (const edge of findEdges(workspace)) {
    const kinds = [edge.from, edge.to].map(
      (path) => workspace.modules.find((module) => module.path === path)?.kind,
    );
    if (kinds[0] === 'production' && (kinds[1] === 'support' || kinds[1] === 'test')) {
      const remedy = 'move what it needs out of testing/, which is not published';
      violations.push({
        path: edge.from,
        line: edge.line,
        what: `imports ${edge.to}, made for tests`,
        remedy,
      });
    }
  }
  return violations;
}

function productionEntries(workspace: Workspace): Set<string> {
  const entries = new Set<string>();
  for (const { directory, manifest } of workspace.packages) {
    const exported = Object.values(manifest.exports).map((conditions) => conditions['quorate-source'] ?? '');
    for (const target of [...exported, ...Object.values(manifest.bin)]) {
      entries.add(posix.join(directory, sourceOfTarget(target)));
    }
    for (const path of pathsIn(Object.values(manifest.scripts).join(' '))) {
      entries.add(posix.join(directory, path));
    }
  }
  const scripts = Object.values(workspace.rootManifest.scripts).join(' ');
  for (const path of pathsIn(`${scripts} ${workspace.files.get('.ci/run') ?? ''}`)) {
    entries.add(path);
  }
  return entries;
}

function pathsIn(text: string): string[] {
  return text.match(/[\w./-]+\.ts\b/g) ?? [];
}

function reachable(workspace: Workspace, entries: ReadonlySet<string>): ReadonlySet<string> {
  const targets = new Map<string, string[]>();
  const link = (from: string, to: string): void => {
    targets.set(from, [...(targets.get(from) ?? []), to]);
  };
  for (const edge of findEdges(workspace)) {
    link(edge.from, edge.to);
  }
  for (const { path, tree } of workspace.modules) {
    walk(tree, (node: Node) => {
      if (isStringLiteral(node) && node.text.endsWith('.ts') && workspace.files.has(node.text)) {
        link(path, node.text);
      }
    });
  }
  const seen = new Set<string>();
  const waiting = [...entries];
  for (const path of waiting) {
    if (!seen.has(path)) {
      seen.add(path);
      waiting.push(...(targets.get(path) ?? []));
    }
  }
  return seen;
}
