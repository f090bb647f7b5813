import { isIdentifier, isPropertyAccessExpression, type Node } from 'typescript/unstable/ast';
import { startLine, walk } from '../syntax.ts';
import type { Violation } from '../violation.ts';
import type { Module, Workspace } from '../workspace.ts';

const hostGlobals: readonly string[] = ['process', 'Buffer', 'require', 'globalThis'];
const clocks: readonly string[] = [
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'crypto',
  'fetch',
];

/** What the production code of a package must not touch, so that the simulator can run it as it is. */
const bans: Readonly<Record<string, { readonly nodeModules: boolean; readonly globals: readonly string[] }>> =
  {
    'packages/raft': { nodeModules: true, globals: [...hostGlobals, ...clocks, 'Promise', 'console'] },
    'packages/replica': { nodeModules: true, globals: [...hostGlobals, ...clocks, 'console'] },
    'packages/kv': { nodeModules: false, globals: clocks },
  };

/**
 * The core and the replica import nothing of Node.js, and they and the state machine read neither a clock
 * nor a source of randomness: time and chance are handed in.
 */
export function deterministicPackages(workspace: Workspace): Violation[] {
  return workspace.modules.flatMap((module) => {
    const ban = module.kind === 'production' ? bans[module.package?.directory ?? ''] : undefined;
    return ban === undefined ? [] : check(module, ban);
  });
}

function check(module: Module, ban: { nodeModules: boolean; globals: readonly string[] }): Violation[] {
  const { path, tree } = module;
  const violations: Violation[] = [];
  for (const { specifier, line } of ban.nodeModules ? module.imports : []) {
    if (specifier.startsWith('node:')) {
      const remedy = 'declare an interface and let the server implement it';
      violations.push({ path, line, what: `imports ${specifier}`, remedy });
    }
  }
  const globals = new Set(ban.globals);
  walk(tree, (node) => {
    const name = globalName(node);
    if (name !== null && (globals.has(name) || name === 'Math.random')) {
      const remedy = 'have it handed in';
      violations.push({ path, line: startLine(tree, node), what: `uses ${name}`, remedy });
    }
  });
  return violations;
}

/** The name of a thing that is used as a value, as far as its spelling tells; null for property names. */
function globalName(node: Node): string | null {
  if (isPropertyAccessExpression(node) && isIdentifier(node.expression) && node.expression.text === 'Math') {
    return `Math.${node.name.text}`;
  }
  if (!isIdentifier(node)) {
    return null;
  }
  const parent: Node & { readonly name?: Node } = node.parent;
  const isNameOfProperty = parent.name === node;
  return isNameOfProperty ? null : node.text;
}
