import {
  isIdentifier,
  isPropertyAccessExpression,
  isPropertyAssignment,
  SyntaxKind,
  type Node,
  type SourceFile,
} from 'typescript/unstable/ast';
import { startLine, walk } from '../syntax.ts';
import type { Violation } from '../violation.ts';
import type { Workspace } from '../workspace.ts';

const runners: ReadonlySet<string> = new Set(['test', 'it', 'describe', 'suite', 'test.describe', 'test.it']);
const modifiers: ReadonlySet<string> = new Set(['only', 'skip', 'todo', 'expectFailure']);

/** Every test runs, always. One that needs what a machine may lack gives `skip` a computed reason. */
export function focusedTests(workspace: Workspace): Violation[] {
  const violations: Violation[] = [];
  for (const { path, tree, kind } of workspace.modules) {
    if (kind !== 'test') {
      continue;
    }
    walk(tree, (node) => {
      const modifier = modifierOf(node, tree);
      if (modifier !== null) {
        const remedy = 'let the test run, or delete it';
        violations.push({ path, line: startLine(tree, node), what: `a test marked "${modifier}"`, remedy });
      }
    });
  }
  return violations;
}

function modifierOf(node: Node, tree: SourceFile): string | null {
  if (isPropertyAccessExpression(node) && modifiers.has(node.name.text)) {
    return runners.has(node.expression.getText(tree)) ? node.name.text : null;
  }
  if (isPropertyAssignment(node) && isIdentifier(node.name) && modifiers.has(node.name.text)) {
    return node.initializer.kind === SyntaxKind.TrueKeyword ? node.name.text : null;
  }
  return null;
}
