// Generates src/generated from proto: buf runs ts-proto, and the result is adapted to our own wire format
// runtime in src/wire. Needs no network. Run it with `npm run generate`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DescriptorSet, describeMessages } from './describe-messages.ts';

const packageDirectory = import.meta.dirname;

/** Where the generated sources are committed. */
export const generatedDirectory = path.join(packageDirectory, 'src', 'generated');

/** Each generated file's text by its path within `generatedDirectory`. Throws if buf or ts-proto fails. */
export function generate(): ReadonlyMap<string, string> {
  const directory = mkdtempSync(path.join(tmpdir(), 'quorate-generate-'));
  try {
    runBuf(['generate', '--output', directory]);
    const root = path.join(directory, 'src', 'generated');
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const texts = files.map((file): [string, string] => [
      file,
      adapt(readFileSync(path.join(root, file), 'utf8'), path.dirname(file)),
    ]);
    texts.push(['message-shapes.ts', describeMessages(descriptors())]);
    return new Map(texts.sort(([a], [b]) => (a < b ? -1 : 1)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function descriptors(): DescriptorSet {
  const options = ['--as-file-descriptor-set', '--exclude-source-info', '--output', '-#format=json'];
  return JSON.parse(runBuf(['build', ...options])) as DescriptorSet;
}

/** What buf prints. */
function runBuf(parameters: readonly string[]): string {
  const buf = path.join(packageDirectory, '..', '..', 'node_modules', '.bin', 'buf');
  const run = spawnSync(buf, parameters, {
    cwd: packageDirectory,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${path.dirname(buf)}${path.delimiter}${process.env.PATH}` },
  });
  if (run.status !== 0) {
    throw new Error(`buf ${parameters[0]} failed: ${run.error?.message ?? run.stderr}`);
  }
  return run.stdout;
}

/** Replaces the committed sources by `files`. */
function write(files: ReadonlyMap<string, string>): void {
  rmSync(generatedDirectory, { recursive: true, force: true });
  for (const [file, text] of files) {
    const target = path.join(generatedDirectory, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}

/**
 * Lets a file that ts-proto generated use our reader and writer. Three reasons: ts-proto converts each 64-bit
 * number through a bigint and a string, it writes code that throws for JS_NUMBER fields in a oneof or a list,
 * and it takes some malformed messages for valid ones.
 */
function adapt(source: string, directory: string): string {
  const wire = path.posix.relative(directory, 'wire').replace(/^/, '../');
  let text = source.replace(
    /^import \{ BinaryReader, BinaryWriter \} from "@bufbuild\/protobuf\/wire";$/m,
    `import { BinaryReader } from "${wire}/binary-reader.ts";\nimport { BinaryWriter } from "${wire}/binary-writer.ts";`,
  );
  // The writer checks ranges itself, and takes numbers as well as bigints.
  text = text.replace(/^ *if \(BigInt\.asU?intN\(64, .*\) \{\n *throw [^;]*;\n *\}\n/gim, '');
  text = text.replace(/(\.u?int64)\(BigInt\((.*?)\)\);$/gm, '$1($2);');
  text = text.replace(/longToNumber\(reader\.(u?int64)\(\)\)/g, 'reader.$1Number()');
  text = text.replace(/^function longToNumber\([\s\S]*?^\}\n\n/m, '');
  text = text.replace(/(reader\.u?(?:int|fixed)64\(\)) as bigint/g, '$1');
  // The reader watches the depth and the end of each message.
  text = text.replace(
    /^ {4}const previousRecursionDepth[\s\S]*?^ {4}try \{\n {6}const end = .*\n/gm,
    '      const end = reader.enter(length);\n',
  );
  text = text.replace(
    /^ {8}if \(\(tag & 7\) === 4 \|\| tag === 0\) \{\n {10}break;\n {8}\}\n {8}reader\.skip\(tag & 7\);$/gm,
    '        reader.skip(tag);',
  );
  text = text.replace(
    /^ {6}return message;\n {4}\} finally \{\n.*\n {4}\}$/gm,
    '      reader.leave(end);\n      return message;',
  );
  text = text.replace(/^ {6}const end = reader\.enter[\s\S]*?^ {6}return message;$/gm, (body) =>
    body.replace(/^ {2}/gm, ''),
  );
  const left = /.*(@bufbuild|longToNumber|asU?intN|__tsProto|finally|tag & 7|BigInt\(message).*/i.exec(
    withoutFromPartial(text),
  );
  if (left !== null) {
    throw new Error(`ts-proto generates something new, which is not adapted: ${left[0].trim()}`);
  }
  return text;
}

/** `fromPartial` converts with BigInt() rightly. */
function withoutFromPartial(text: string): string {
  return text.replace(/^ {2}fromPartial\([\s\S]*?^ {2}\},$/gm, '');
}

if (import.meta.main) {
  write(generate());
}
