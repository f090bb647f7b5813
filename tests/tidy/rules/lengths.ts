import {
  isArrowFunction,
  isBlock,
  isCallExpression,
  isConstructorDeclaration,
  isExpressionStatement,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isMethodDeclaration,
  isSetAccessorDeclaration,
  type Node,
  type SourceFile,
} from 'typescript/unstable/ast';
import { endLine, startLine, walk } from '../syntax.ts';
import type { Violation } from '../violation.ts';
import type { Workspace } from '../workspace.ts';

const fileMaxLines = 600;
const functionMaxLines = 70;
const groupings: ReadonlySet<string> = new Set(['describe', 'suite', 'test.describe']);
const runners: ReadonlySet<string> = new Set([...groupings, 'test', 'it']);

/**
 * Keeps files and functions readable in one go. A function that consists of tests, such as a `describe` block
 * or a contract that several implementations are tested by, is a chapter and may be longer.
 */
export function lengths(workspace: Workspace): Violation[] {
  const violations: Violation[] = [];
  for (const { path, text, tree } of workspace.modules) {
    const lines = text.trimEnd().split('\n').length;
    if (lines > fileMaxLines) {
      const remedy = 'split it by mechanism';
      violations.push({ path, line: 1, what: `${lines} lines, at most ${fileMaxLines}`, remedy });
    }
    walk(tree, (node) => {
      if (!isFunction(node) || isChapter(node, tree)) {
        return;
      }
      const line = startLine(tree, node);
      const length = endLine(tree, node) - line + 1;
      if (length > functionMaxLines) {
        const what = `a function of ${length} lines, at most ${functionMaxLines}`;
        violations.push({ path, line, what, remedy: 'give its steps names' });
      }
    });
  }
  return violations;
}

function isFunction(node: Node): boolean {
  return (
    isFunctionDeclaration(node) ||
    isFunctionExpression(node) ||
    isArrowFunction(node) ||
    isMethodDeclaration(node) ||
    isConstructorDeclaration(node) ||
    isGetAccessorDeclaration(node) ||
    isSetAccessorDeclaration(node)
  );
}

function isChapter(node: Node, tree: SourceFile): boolean {
  if (isCallExpression(node.parent) && groupings.has(node.parent.expression.getText(tree))) {
    return true;
  }
  const body: Node & { readonly body?: Node } = node;
  const statements = body.body !== undefined && isBlock(body.body) ? body.body.statements : [];
  return statements.some(
    (statement) =>
      isExpressionStatement(statement) &&
      isCallExpression(statement.expression) &&
      runners.has(statement.expression.expression.getText(tree)),
  );
}
