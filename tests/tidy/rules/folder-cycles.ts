import { posix } from 'node:path';
import { type Edge, findEdges } from '../module-graph.ts';
import type { Violation } from '../violation.ts';
import type { Workspace } from '../workspace.ts';

/**
 * Within every folder, the files and sub-folders in it must not depend on each other in a circle: neither
 * two files, nor two folders (whichever of their files are concerned), nor a file and a folder. Imports of
 * types count: a reader has to follow them too. Tests may import what they like.
 */
export function folderCycles(workspace: Workspace): Violation[] {
  const production = new Set(
    workspace.modules.filter((module) => module.kind === 'production').map((module) => module.path),
  );
  const children = new Map<string, Map<string, Map<string, Edge>>>();
  for (const edge of findEdges(workspace)) {
    if (!production.has(edge.from) || !production.has(edge.to)) {
      continue;
    }
    const parent = commonFolder(edge.from, edge.to);
    const from = childOf(parent, edge.from);
    const to = childOf(parent, edge.to);
    const graph = children.get(parent) ?? new Map<string, Map<string, Edge>>();
    const targets = graph.get(from) ?? new Map<string, Edge>();
    children.set(parent, graph.set(from, targets));
    if (!targets.has(to)) {
      targets.set(to, edge);
    }
  }
  return [...children].flatMap(([parent, graph]) => cyclesIn(parent, graph));
}

function commonFolder(left: string, right: string): string {
  let folder = posix.dirname(left);
  while (folder !== '.' && !right.startsWith(`${folder}/`)) {
    folder = posix.dirname(folder);
  }
  return folder;
}

function childOf(parent: string, path: string): string {
  const rest = parent === '.' ? path : path.slice(parent.length + 1);
  return rest.split('/')[0] ?? rest;
}

/** One violation for each circle; a node is reported once. */
function cyclesIn(parent: string, graph: ReadonlyMap<string, ReadonlyMap<string, Edge>>): Violation[] {
  const violations: Violation[] = [];
  const reported = new Set<string>();
  for (const start of graph.keys()) {
    const cycle = reported.has(start) ? null : shortestCycle(graph, start);
    if (cycle === null) {
      continue;
    }
    for (const edge of cycle) {
      reported.add(childOf(parent, edge.from));
    }
    const [first] = cycle;
    if (first !== undefined) {
      const names = cycle.map((edge) => childOf(parent, edge.from));
      const proof = cycle.map((edge) => `${edge.from}:${edge.line} imports ${edge.to}`).join(', ');
      violations.push({
        path: first.from,
        line: first.line,
        what: `circle in ${parent}: ${[...names, names[0]].join(' -> ')} (${proof})`,
        remedy: 'move what both need to a place that neither imports back',
      });
    }
  }
  return violations;
}

function shortestCycle(
  graph: ReadonlyMap<string, ReadonlyMap<string, Edge>>,
  start: string,
): readonly Edge[] | null {
  const queue: { node: string; path: readonly Edge[] }[] = [{ node: start, path: [] }];
  const seen = new Set<string>();
  for (const { node, path } of queue) {
    for (const [next, edge] of graph.get(node) ?? []) {
      if (next === start) {
        return [...path, edge];
      }
      if (!seen.has(next)) {
        seen.add(next);
        queue.push({ node: next, path: [...path, edge] });
      }
    }
  }
  return null;
}
