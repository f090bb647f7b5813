import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { ConfigurationProblem } from './configuration-error.ts';
import { unknownName } from './command-line.ts';
import { nearestName } from './nearest-name.ts';

/** What a configuration file says: the value of each key with the place it stands at, and what is wrong. */
export type ConfigurationFile = {
  readonly values: ReadonlyMap<string, { readonly source: string; readonly value: unknown }>;
  readonly problems: readonly ConfigurationProblem[];
};

/** The largest file that is read, in bytes: a configuration is a page, not a data set. */
export const configurationFileMaxBytes = 1024 * 1024;

/**
 * Reads YAML, and with it JSON. `path` only goes into messages. `names` are the keys that exist; an unknown
 * key is a problem, because a misspelt option that is silently ignored is found out too late.
 */
export function readConfigurationFile(
  path: string,
  content: string,
  names: readonly string[],
): ConfigurationFile {
  const values = new Map<string, { source: string; value: unknown }>();
  const problems: ConfigurationProblem[] = [];
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  for (const error of document.errors) {
    const message = `is neither YAML nor JSON: ${firstLine(error.message)}`;
    problems.push({ source: `${path}, line ${lines.linePos(error.pos[0]).line}`, message });
  }
  if (problems.length > 0 || document.contents === null) return { values, problems };
  if (!isMap(document.contents)) {
    problems.push({ source: path, message: 'must be a map from option to value, such as "name: n1"' });
    return { values, problems };
  }
  for (const { key, value } of document.contents.items) {
    const name = nodeText(key);
    const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
    const source = `${path}, line ${lines.linePos(offset).line}, ${name}`;
    if (names.includes(name)) {
      values.set(name, { source, value: nodeValue(value) });
    } else {
      const message = unknownName(name, nearestName(name, names), (declaration) => declaration.name);
      problems.push({ source: `${path}, line ${lines.linePos(offset).line}`, message });
    }
  }
  return { values, problems };
}

/**
 * The value of a node: a text, a list or a map from text. A scalar is its text as written, so that `007`
 * stays what it is on the command line.
 */
function nodeValue(node: unknown): unknown {
  if (isScalar(node)) return node.value === null ? null : (node.source ?? node.value);
  if (isSeq(node)) return node.items.map(nodeValue);
  if (isMap(node)) return new Map(node.items.map((pair) => [nodeText(pair.key), nodeValue(pair.value)]));
  return null;
}

function nodeText(node: unknown): string {
  return isScalar(node) ? String(node.source ?? node.value) : String(node);
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message;
}
