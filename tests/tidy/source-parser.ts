import assert from 'node:assert/strict';
import { API } from 'typescript/unstable/sync';
import type { SourceFile } from 'typescript/unstable/ast';

/**
 * Turns TypeScript text into syntax trees with the compiler that also checks the types.
 *
 * The compiler runs as a child process and sees a virtual disk that holds nothing but the given files, so
 * that trees come from memory, no import is followed and no library is loaded. `close` ends the process.
 *
 * TypeScript 7 marks this interface as unstable: this file is the only one that calls it.
 */
export class SourceParser {
  readonly #files = new Map<string, string>();
  readonly #api: API;
  #projects = 0;

  constructor() {
    this.#api = new API({
      cwd: '/',
      fs: {
        readFile: (path) => this.#files.get(path) ?? null,
        fileExists: (path) => this.#files.has(path),
        directoryExists: (path) => [...this.#files.keys()].some((file) => file.startsWith(`${path}/`)),
        getAccessibleEntries: () => ({ files: [], directories: [] }),
        realpath: (path) => path,
      },
    });
  }

  /** Parses all files of one project; the keys are paths relative to its root. */
  parse(sources: ReadonlyMap<string, string>): Map<string, SourceFile> {
    this.#projects += 1;
    const root = `/project-${this.#projects}`;
    const configuration = `${root}/tsconfig.json`;
    const compilerOptions = { noLib: true, noResolve: true, types: [], allowImportingTsExtensions: true };
    this.#files.clear();
    this.#files.set(configuration, JSON.stringify({ compilerOptions, files: [...sources.keys()] }));
    for (const [path, text] of sources) {
      this.#files.set(`${root}/${path}`, text);
    }
    const snapshot = this.#api.updateSnapshot({ openProjects: [configuration] });
    const project = snapshot.getProject(configuration);
    assert(project !== undefined, 'the compiler did not open the project');
    const trees = new Map<string, SourceFile>();
    for (const path of sources.keys()) {
      const tree = project.program.getSourceFile(`${root}/${path}`);
      assert(tree !== undefined, `the compiler did not parse ${path}`);
      trees.set(path, tree);
    }
    return trees;
  }

  close(): void {
    this.#api.close();
  }
}
