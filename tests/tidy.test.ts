import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { anyTypes } from './tidy/rules/any-types.ts';
import { deadFiles } from './tidy/rules/dead-files.ts';
import { deterministicPackages } from './tidy/rules/deterministic-packages.ts';
import { documents } from './tidy/rules/documents.ts';
import { focusedTests } from './tidy/rules/focused-tests.ts';
import { folderCycles } from './tidy/rules/folder-cycles.ts';
import { lengths } from './tidy/rules/lengths.ts';
import { manifests } from './tidy/rules/manifests.ts';
import { names } from './tidy/rules/names.ts';
import { packageArrows } from './tidy/rules/package-arrows.ts';
import { sourceText } from './tidy/rules/source-text.ts';
import { SourceParser } from './tidy/source-parser.ts';
import { formatViolation, type Violation } from './tidy/violation.ts';
import { parseWorkspace, readFiles, type Workspace } from './tidy/workspace.ts';

type Rule = (workspace: Workspace) => Violation[];

const rules: readonly { readonly title: string; readonly rule: Rule }[] = [
  { title: 'packages import each other only along the arrows', rule: packageArrows },
  { title: 'no circles between files or folders', rule: folderCycles },
  { title: 'names say what is inside', rule: names },
  { title: 'files and functions are short', rule: lengths },
  { title: 'every file is of use', rule: deadFiles },
  { title: 'no forgotten notes, local paths or silent suppressions', rule: sourceText },
  { title: 'no any', rule: anyTypes },
  { title: 'every test runs', rule: focusedTests },
  { title: 'the core, the replica and the state machine are deterministic', rule: deterministicPackages },
  { title: 'packages look alike', rule: manifests },
  { title: 'documents name files that exist', rule: documents },
];

const parser = new SourceParser();
after(() => {
  parser.close();
});

describe('the repository is tidy', () => {
  const workspace = parseWorkspace(readFiles(join(import.meta.dirname, '..')), parser);
  for (const { title, rule } of rules) {
    test(title, () => {
      const violations = rule(workspace);
      assert(violations.length === 0, `\n${violations.map(formatViolation).join('\n')}`);
    });
  }
});

/** A made-up repository that every rule is content with; a test then breaks one thing. */
function tidyFiles(): Record<string, string> {
  const manifest = (name: string, dependencies: Record<string, string> = {}): string =>
    JSON.stringify({
      name,
      version: '1.0.0',
      exports: {
        '.': { 'quorate-source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
      },
      dependencies,
    });
  return {
    'package.json': JSON.stringify({ version: '1.0.0', devDependencies: { 'fast-check': '4.0.0' } }),
    'packages/raft/package.json': manifest('@quorate/raft'),
    'packages/raft/README.md': '# @quorate/raft\n\nStart with `src/index.ts`.\n',
    'packages/raft/src/index.ts': "export { one } from './one.ts';\n",
    'packages/raft/src/one.ts': 'export const one = 1;\n',
    'packages/raft/src/one.test.ts': "import { one } from './one.ts';\nvoid one;\n",
    'packages/storage/package.json': manifest('@quorate/storage', { '@quorate/raft': '1.0.0' }),
    'packages/storage/README.md': '# @quorate/storage\n',
    'packages/storage/src/index.ts': "import { one } from '@quorate/raft';\nexport const two = one + one;\n",
  };
}

function check(rule: Rule, changes: Record<string, string>): string[] {
  const files = new Map(Object.entries({ ...tidyFiles(), ...changes }));
  return rule(parseWorkspace(files, parser)).map(formatViolation);
}

/** Asserts that the rule finds exactly one violation, at the place and with the words given. */
function assertCaught(rule: Rule, changes: Record<string, string>, start: string, words: string): void {
  const [found, ...others] = check(rule, changes);
  assert.deepEqual(others, []);
  assert(found !== undefined, 'the rule found nothing');
  assert(found.startsWith(start), `expected a violation at ${start}, got ${found}`);
  assert(found.includes(words), `expected "${words}" in: ${found}`);
}

test('a tidy repository breaks no rule', () => {
  for (const { rule } of rules) {
    assert.deepEqual(check(rule, {}), []);
  }
});

describe('the arrows between packages', () => {
  const manifest = tidyFiles()['packages/raft/package.json'] ?? '';

  test('an import against an arrow is caught', () => {
    const found = check(packageArrows, {
      'packages/raft/src/one.ts': "import { two } from '@quorate/storage';\nexport const one = two;\n",
    });
    assert.equal(found.length, 2);
    assert.match(found[0] ?? '', /^packages\/raft\/src\/one\.ts:1: raft must not import storage/);
    assert.match(found[1] ?? '', /@quorate\/storage is not a dependency in packages\/raft\/package\.json/);
  });

  test('a type import, a dynamic import and a re-export count', () => {
    for (const statement of [
      "export type Two = import('@quorate/storage').Two;",
      "export const two = await import('@quorate/storage');",
      "export * from '@quorate/storage';",
    ]) {
      const found = check(packageArrows, {
        'packages/raft/src/one.ts': `${statement}\nexport const one = 1;\n`,
      });
      assert.match(found[0] ?? '', /raft must not import storage/, statement);
    }
  });

  test('a dependency against an arrow is caught in the manifest', () => {
    assertCaught(
      packageArrows,
      {
        'packages/raft/package.json': manifest.replace(
          '"dependencies":{}',
          '"dependencies":{"@quorate/storage":"1.0.0"}',
        ),
      },
      'packages/raft/package.json:1:',
      'raft must not depend on storage',
    );
  });

  test('a dependency that nothing imports is caught', () => {
    assertCaught(
      packageArrows,
      { 'packages/storage/src/index.ts': 'export const two = 2;\n' },
      'packages/storage/package.json:1:',
      'nothing in storage imports @quorate/raft',
    );
  });

  test('a package without arrows is caught', () => {
    assertCaught(
      packageArrows,
      { 'packages/extra/package.json': manifest.replaceAll('raft', 'extra') },
      'packages/extra/package.json:1:',
      'package extra has no arrows',
    );
  });

  test('reaching into the files of another package is caught', () => {
    assertCaught(
      packageArrows,
      {
        'packages/storage/src/index.ts':
          "export { one } from '../../raft/src/one.ts';\nexport * from '@quorate/raft';\n",
      },
      'packages/storage/src/index.ts:1:',
      'reaches into another package',
    );
    assertCaught(
      packageArrows,
      { 'packages/storage/src/index.ts': "export { one } from '@quorate/raft/src/one.ts';\n" },
      'packages/storage/src/index.ts:1:',
      'is not an export of @quorate/raft',
    );
  });

  test('a package that only the root declares is for tests alone', () => {
    const text = "import fc from 'fast-check';\nexport const one = fc;\n";
    assertCaught(
      packageArrows,
      { 'packages/raft/src/one.ts': text },
      'packages/raft/src/one.ts:1:',
      'fast-check is not a dependency in packages/raft/package.json',
    );
    assert.deepEqual(check(packageArrows, { 'packages/raft/src/one.test.ts': text }), []);
  });
});

describe('circles', () => {
  test('between two files, types included', () => {
    assertCaught(
      folderCycles,
      {
        'packages/raft/src/one.ts': "import type { Two } from './two.ts';\nexport type One = Two;\n",
        'packages/raft/src/two.ts': "\nimport type { One } from './one.ts';\nexport type Two = One;\n",
      },
      'packages/raft/src/one.ts:1:',
      'circle in packages/raft/src: one.ts -> two.ts -> one.ts',
    );
  });

  test('between two folders, although no two files form one', () => {
    assertCaught(
      folderCycles,
      {
        'packages/raft/src/left/a.ts': "export * from '../right/b.ts';\n",
        'packages/raft/src/right/b.ts': 'export const b = 1;\n',
        'packages/raft/src/right/c.ts': "export * from '../left/d.ts';\n",
        'packages/raft/src/left/d.ts': 'export const d = 1;\n',
      },
      'packages/raft/src/left/a.ts:1:',
      'left -> right -> left',
    );
  });

  test('a folder may use the files above it', () => {
    const found = check(folderCycles, {
      'packages/raft/src/index.ts': "export * from './left/a.ts';\n",
      'packages/raft/src/left/a.ts': "export * from '../one.ts';\n",
    });
    assert.deepEqual(found, []);
  });
});

describe('names', () => {
  test('drawers are caught, as files and as folders', () => {
    for (const path of ['utils.ts', 'string-helpers.ts', 'misc/a.ts', 'common/a.ts']) {
      const changes = { [`packages/raft/src/${path}`]: '' };
      assertCaught(names, changes, `packages/raft/src/${path}:1:`, 'says nothing about the content');
    }
  });

  test('other cases than kebab-case are caught', () => {
    assertCaught(
      names,
      { 'packages/raft/src/logEntry.ts': '' },
      'packages/raft/src/logEntry.ts:1:',
      'kebab-case',
    );
  });

  test('an index.ts that is no entry is caught', () => {
    const path = 'packages/raft/src/log/index.ts';
    assertCaught(names, { [path]: '' }, `${path}:1:`, 'index.ts inside a package');
  });
});

describe('lengths', () => {
  const path = 'packages/raft/src/one.ts';

  test('a file of 601 lines is caught, one of 600 is not', () => {
    assertCaught(lengths, { [path]: 'void 0;\n'.repeat(601) }, `${path}:1:`, '601 lines, at most 600');
    assert.deepEqual(check(lengths, { [path]: 'void 0;\n'.repeat(600) }), []);
  });

  test('a function of 71 lines is caught whatever its form, one of 70 is not', () => {
    for (const [head, tail] of [
      ['function f() {', '}'],
      ['const f = () => {', '};'],
      ['class C { method() {', '} }'],
      ['class C { constructor() {', '} }'],
      ['const o = { get value() {', 'return 1; } };'],
      ["test('x', async () => {", '});'],
    ] as const) {
      const text = (lines: number): string =>
        `// A comment.\n${head}\n${'void 0;\n'.repeat(lines - 2)}${tail}\n`;
      assertCaught(lengths, { [path]: text(71) }, `${path}:2:`, 'a function of 71 lines, at most 70');
      assert.deepEqual(check(lengths, { [path]: text(70) }), []);
    }
  });

  test('a function of tests may be long', () => {
    const contract = `function contract() {\n${"test('x', () => {});\n".repeat(100)}}\n`;
    assert.deepEqual(check(lengths, { [path]: contract }), []);
    assert.deepEqual(
      check(lengths, { [path]: `describe('x', () => {\n${'void 0;\n'.repeat(100)}});\n` }),
      [],
    );
  });
});

describe('dead files', () => {
  test('a file that nothing imports is caught', () => {
    const path = 'packages/raft/src/lonely.ts';
    assertCaught(deadFiles, { [path]: '' }, `${path}:1:`, 'no export, command or test reaches this file');
  });

  test('a production file that only a test imports is caught', () => {
    assertCaught(
      deadFiles,
      { 'packages/raft/src/index.ts': 'export const zero = 0;\n' },
      'packages/raft/src/one.ts:1:',
      'only tests reach this file',
    );
  });

  test('production code that imports test support is caught', () => {
    assertCaught(
      deadFiles,
      {
        'packages/raft/src/one.ts': "\nexport { one } from './testing/fake.ts';\n",
        'packages/raft/src/testing/fake.ts': 'export const one = 1;\n',
      },
      'packages/raft/src/one.ts:2:',
      'imports packages/raft/src/testing/fake.ts, made for tests',
    );
  });

  test('what generated code imports is in use', () => {
    const found = check(deadFiles, {
      'packages/protocol/src/generated/a.ts': 'import { Reader } from "../wire/reader.ts";\n',
      'packages/protocol/src/wire/reader.ts': 'export class Reader {}\n',
      'packages/raft/src/index.ts':
        "export { one } from './one.ts';\nimport '../../protocol/src/generated/a.ts';\n",
    });
    assert.deepEqual(found, []);
  });

  test('a command, a script, a worker and a path in a string keep a file alive', () => {
    const found = check(deadFiles, {
      'package.json': JSON.stringify({ scripts: { bench: 'node tools/bench.ts' } }),
      'tools/bench.ts': "new Worker(new URL('./worker.ts', import.meta.url));\nspawn('tools/child.ts');\n",
      'tools/worker.ts': '',
      'tools/child.ts': '',
    });
    assert.deepEqual(found, []);
  });
});

describe('what a search finds', () => {
  const path = 'packages/raft/src/one.ts';
  /** Keeps the words below from being found in this very file. */
  const unsplit = (text: string): string => text.replaceAll('|', '');

  test('forgotten notes', () => {
    for (const note of ['TO|DO', 'FIX|ME', 'XX|X'].map(unsplit)) {
      assertCaught(sourceText, { [path]: `\n// ${note}: later\n` }, `${path}:2:`, 'a forgotten note');
      assertCaught(sourceText, { 'docs/a.md': note }, 'docs/a.md:1:', 'a forgotten note');
    }
  });

  test('local paths', () => {
    for (const local of ['/ho|me/ann', '/ro|ot/quorate', '/wo|rk/main', '/Us|ers/ann'].map(unsplit)) {
      assertCaught(
        sourceText,
        { [path]: `const x = '${local}';` },
        `${path}:1:`,
        "a path of somebody's machine",
      );
    }
    assert.deepEqual(check(sourceText, { [path]: "import './work/a.ts'; fetch('https://a.b/home/x');" }), []);
  });

  test('suppressions without a reason', () => {
    for (const comment of ['@ts-|ignore why', '@ts-expect-|error', 'oxlint-dis|able-next-line no-new'].map(
      unsplit,
    )) {
      assert.equal(check(sourceText, { [path]: `// ${comment}\n` }).length, 1, comment);
    }
    assert.deepEqual(
      check(sourceText, { [path]: '// oxlint-disable-next-line no-new -- for its effect\n' }),
      [],
    );
  });
});

test('the type any is caught, the word is not', () => {
  const path = 'packages/raft/src/one.ts';
  const text = "// any\nexport const one: string = 'any';\nexport const list: Array<any> = [];\n";
  assertCaught(anyTypes, { [path]: text }, `${path}:3:`, 'the type any');
});

test('focused and skipped tests are caught, a computed reason is not', () => {
  const path = 'packages/raft/src/one.test.ts';
  for (const marked of [
    "test.only('x', f);",
    "describe.skip('x', f);",
    "test('x', { skip: true }, f);",
    "it.todo('x');",
  ]) {
    assertCaught(focusedTests, { [path]: `\n${marked}\n` }, `${path}:2:`, 'a test marked');
  }
  assert.deepEqual(
    check(focusedTests, { [path]: "test('x', { skip: reason }, f); iterator.skip(1);\n" }),
    [],
  );
});

describe('determinism', () => {
  const path = 'packages/raft/src/one.ts';

  test('Node.js modules, clocks, randomness and promises are caught in the core', () => {
    for (const [text, word] of [
      ["import assert from 'node:assert';", 'imports node:assert'],
      ['export const one = Date.now();', 'uses Date'],
      ['export const one = Math.random();', 'uses Math.random'],
      ['setTimeout(() => {}, 1);', 'uses setTimeout'],
      ['export const one = process.pid;', 'uses process'],
      ['export const one = new Promise(() => {});', 'uses Promise'],
    ] as const) {
      assertCaught(deterministicPackages, { [path]: text }, `${path}:1:`, word);
    }
  });

  test('properties of the same name, tests and other packages are free', () => {
    const found = check(deterministicPackages, {
      [path]: 'export const one = { process: 1 }.process;\n',
      'packages/raft/src/one.test.ts': "import 'node:fs';\nDate.now();\n",
      'packages/storage/src/index.ts': "import 'node:fs';\nDate.now();\n",
    });
    assert.deepEqual(found, []);
  });
});

describe('manifests', () => {
  const path = 'packages/raft/package.json';
  const text = tidyFiles()[path] ?? '';

  test('another version is caught', () => {
    assertCaught(
      manifests,
      { [path]: text.replace('1.0.0', '1.0.1') },
      `${path}:1:`,
      'version 1.0.1, not 1.0.0',
    );
  });

  test('a range of versions is caught', () => {
    const ranged = text.replace('"dependencies":{}', '"dependencies":{"pino":"^1.0.0"}');
    assertCaught(manifests, { [path]: ranged }, `${path}:1:`, 'pino ^1.0.0 is a range');
  });

  test('an export without its source, or whose built file has another name, is caught', () => {
    const missing = text.replaceAll('/index.', '/absent.');
    assertCaught(manifests, { [path]: missing }, `${path}:1:`, 'names no file: ./src/absent.ts');
    const unlike = text.replace('./dist/index.js', './dist/other.js');
    assertCaught(manifests, { [path]: unlike }, `${path}:1:`, 'is not in the usual form');
    const published = text.replaceAll('/index.', '/testing/index.');
    assertCaught(manifests, { [path]: published }, `${path}:1:`, 'is not in the usual form');
  });

  test('a package without a README is caught', () => {
    const files = new Map(Object.entries(tidyFiles()));
    files.delete('packages/raft/README.md');
    const [found] = manifests(parseWorkspace(files, parser)).map(formatViolation);
    assert.match(found ?? '', /packages\/raft has no README\.md/);
  });
});

describe('documents', () => {
  test('a link or a file name that leads nowhere is caught', () => {
    const path = 'docs/page.md';
    assertCaught(documents, { [path]: '\n[x](gone.md)\n' }, `${path}:2:`, 'the link gone.md leads nowhere');
    assertCaught(documents, { [path]: '`packages/raft/src/gone.ts`' }, `${path}:1:`, 'there is no file');
    assertCaught(documents, { [path]: '`gone.ts`' }, `${path}:1:`, 'there is no file gone.ts');
  });

  test('links and names that lead somewhere are fine', () => {
    const text =
      '[a](../packages/raft) [b](https://x.y) [c](#top) `one.ts` `packages/raft/src/one.ts:3` `node x.ts`\n';
    assert.deepEqual(check(documents, { 'docs/page.md': text }), []);
  });
});
