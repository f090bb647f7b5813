import type { Node, SourceFile } from 'typescript/unstable/ast';

/** Calls `visit` for `node` and everything below it, in the order of the text. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  node.forEachChild((child) => {
    walk(child, visit);
  });
}

/** The line, counted from 1, on which a node's own text starts, after any comment. */
export function startLine(tree: SourceFile, node: Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

export function endLine(tree: SourceFile, node: Node): number {
  return tree.getLineAndCharacterOfPosition(node.end).line + 1;
}
