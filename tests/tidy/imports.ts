import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isNewExpression,
  isStringLiteral,
  type Node,
  type SourceFile,
} from 'typescript/unstable/ast';
import { startLine, walk } from './syntax.ts';

/** One mention of another module. */
export type Import = {
  readonly specifier: string;
  readonly line: number;
  /** `location`: named as a file, by `new URL(x, import.meta.url)` or `import.meta.resolve(x)`. */
  readonly kind: 'module' | 'location';
};

/** Finds static imports and re-exports, `import()` of code and of types, and files named by location. */
export function findImports(tree: SourceFile): Import[] {
  const imports: Import[] = [];
  walk(tree, (node) => {
    const found = importOf(node, tree);
    if (found !== null && isStringLiteral(found.literal)) {
      imports.push({ specifier: found.literal.text, line: startLine(tree, node), kind: found.kind });
    }
  });
  return imports;
}

/** The same for generated code, which is long and written in one way: a search through the text will do. */
export function findGeneratedImports(text: string): Import[] {
  const matches = text.matchAll(/^(?:import|export) .* from "([^"]+)";$/gm);
  return Array.from(matches, ([, specifier = '']) => ({ specifier, line: 1, kind: 'module' }));
}

function importOf(node: Node, tree: SourceFile): { literal: Node; kind: Import['kind'] } | null {
  if ((isImportDeclaration(node) || isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
    return { literal: node.moduleSpecifier, kind: 'module' };
  }
  if (isImportTypeNode(node) && isLiteralTypeNode(node.argument)) {
    return { literal: node.argument.literal, kind: 'module' };
  }
  if (isCallExpression(node) && node.arguments[0] !== undefined) {
    const callee = node.expression.getText(tree);
    if (callee === 'import' || callee === 'import.meta.resolve') {
      return { literal: node.arguments[0], kind: callee === 'import' ? 'module' : 'location' };
    }
  }
  const [target, base] = isNewExpression(node) ? (node.arguments ?? []) : [];
  if (target !== undefined && base?.getText(tree) === 'import.meta.url') {
    return { literal: target, kind: 'location' };
  }
  return null;
}
