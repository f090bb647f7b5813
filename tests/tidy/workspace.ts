import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { SourceFile } from 'typescript/unstable/ast';
import { findGeneratedImports, findImports, type Import } from './imports.ts';
import type { SourceParser } from './source-parser.ts';

/** The repository as the rules see it. All paths are relative to its root and use `/`. */
export type Workspace = {
  /** Every text file, generated code included. */
  readonly files: ReadonlyMap<string, string>;
  readonly packages: readonly Package[];
  /** Every TypeScript file that people write. */
  readonly modules: readonly Module[];
  /** Every generated TypeScript file: nobody judges its style, but what it imports is in use. */
  readonly generated: readonly Pick<Module, 'path' | 'imports'>[];
  readonly rootManifest: Manifest;
};

export type Package = {
  /** Such as `packages/raft`. */
  readonly directory: string;
  readonly manifestPath: string;
  readonly manifest: Manifest;
};

/** What the rules need of a package.json. */
export type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

export type Module = {
  readonly path: string;
  readonly text: string;
  readonly tree: SourceFile;
  readonly imports: readonly Import[];
  /**
   * `test`: a `*.test.ts` file. `support`: what only tests use, in a folder `testing/` or in the
   * repository's `tests/`. Everything else is `production`.
   */
  readonly kind: 'production' | 'support' | 'test';
  /** The package that the module belongs to, or null outside `packages/`. */
  readonly package: Package | null;
};

const generatedFolders: readonly string[] = ['packages/protocol/src/generated/'];
const skippedFolders: ReadonlySet<string> = new Set(['node_modules', 'dist', '.git', 'data', 'quorate-data']);
const textFile = /(\.(ts|js|json|md|yaml|yml|proto|sh|txt|conf|toml)|\/run|^LICENSE)$/;

/** Reads every text file of the repository, without what is installed or built. */
export function readFiles(root: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (directory: string): void => {
    for (const item of readdirSync(join(root, directory), { withFileTypes: true })) {
      const path = posix.join(directory, item.name);
      if (item.isDirectory() && !skippedFolders.has(item.name)) {
        visit(path);
      } else if (item.isFile() && textFile.test(path)) {
        files.set(path, readFileSync(join(root, path), 'utf8'));
      }
    }
  };
  visit('');
  return files;
}

/** Understands a repository given as text: the real one, or one made up for a test. */
export function parseWorkspace(files: ReadonlyMap<string, string>, parser: SourceParser): Workspace {
  const packages: Package[] = [];
  for (const [path, text] of files) {
    const match = /^(packages\/[^/]+)\/package\.json$/.exec(path);
    if (match?.[1] !== undefined) {
      packages.push({ directory: match[1], manifestPath: path, manifest: parseManifest(text) });
    }
  }
  const sources = new Map([...files].filter(([path]) => path.endsWith('.ts') && !isGenerated(path)));
  const modules: Module[] = [];
  for (const [path, tree] of parser.parse(sources)) {
    modules.push({
      path,
      text: sources.get(path) ?? '',
      tree,
      imports: findImports(tree),
      kind: moduleKind(path),
      package: packages.find((candidate) => path.startsWith(`${candidate.directory}/`)) ?? null,
    });
  }
  const generated = [...files]
    .filter(([path]) => path.endsWith('.ts') && isGenerated(path))
    .map(([path, text]) => ({ path, imports: findGeneratedImports(text) }));
  return {
    files,
    packages,
    modules,
    generated,
    rootManifest: parseManifest(files.get('package.json') ?? '{}'),
  };
}

export function isGenerated(path: string): boolean {
  return generatedFolders.some((folder) => path.startsWith(folder));
}

function moduleKind(path: string): Module['kind'] {
  if (path.endsWith('.test.ts')) {
    return 'test';
  }
  return path.startsWith('tests/') || path.includes('/testing/') ? 'support' : 'production';
}

function parseManifest(text: string): Manifest {
  const json: Partial<Manifest> = JSON.parse(text);
  return {
    name: json.name ?? '',
    version: json.version ?? '',
    exports: json.exports ?? {},
    bin: json.bin ?? {},
    scripts: json.scripts ?? {},
    dependencies: json.dependencies ?? {},
    optionalDependencies: json.optionalDependencies ?? {},
    devDependencies: json.devDependencies ?? {},
  };
}
