import { SyntaxKind } from 'typescript/unstable/ast';
import { startLine, walk } from '../syntax.ts';
import type { Violation } from '../violation.ts';
import type { Workspace } from '../workspace.ts';

/** `any` turns the type checker off without a trace; what is not known yet is `unknown`. */
export function anyTypes(workspace: Workspace): Violation[] {
  const violations: Violation[] = [];
  for (const { path, tree } of workspace.modules) {
    walk(tree, (node) => {
      if (node.kind === SyntaxKind.AnyKeyword) {
        const remedy = 'use unknown and parse it once';
        violations.push({ path, line: startLine(tree, node), what: 'the type any', remedy });
      }
    });
  }
  return violations;
}
