import { configFileOption, options } from './options.ts';
import { environmentVariableOf, flagOf, type DerivedOption, type OptionWithDefault } from './option.ts';

/** The text that `quorate serve --help` shows for the options of a member, at most `columns` wide. */
export function configurationHelp(columns: number): string {
  const indent = ' '.repeat(6);
  return everyOption()
    .map((option) => {
      const heading = `  ${flagOf(option)} ${option.type.placeholder}`;
      const body = `${option.summary} ${option.reason} Default: ${describeDefault(option)}. Environment: ${environmentVariableOf(option)}.`;
      return `${heading}\n${wrap(plain(body), Math.max(40, columns - indent.length), indent)}`;
    })
    .join('\n');
}

/** The whole of `docs/configuration.md`. A test fails when the file differs from it. */
export function referencePage(): string {
  const sections = everyOption().map(
    (option) => `## ${option.name}

${option.summary} ${option.reason}

| | |
|---|---|
| Flag | \`${flagOf(option)} ${option.type.placeholder}\` |
| Environment | \`${environmentVariableOf(option)}\` |
${option.name === configFileOption.name ? '' : `| Key in a file | \`${option.name}\` |\n`}| Value | ${option.type.description.replaceAll('|', '\\|')} |
| Default | ${'default' in option ? `\`${describeDefault(option)}\`` : describeDefault(option)} |
`,
  );
  return `${introduction}\n${sections.join('\n')}`;
}

const introduction = `# Configuration of a member

These are the options of \`quorate serve\`. This page is generated from the declarations in
\`packages/server/src/configuration/options.ts\` by \`npm run generate --workspace=@quorate/server\`.

A flag goes before an environment variable, an environment variable before the configuration file, and the
file before the default. An unknown flag or key, a value that cannot be understood and a relation that does
not hold are errors: the member says what is wrong, where, and what to do, and does not start.

A file is YAML or JSON and has the names of the options as its keys:

\`\`\`yaml
name: n1
data-dir: /var/lib/quorate
listen-client-urls: [http://10.0.0.1:2379]
listen-peer-urls: [http://10.0.0.1:2380]
initial-cluster:
  n1: http://10.0.0.1:2380
  n2: http://10.0.0.2:2380
  n3: http://10.0.0.3:2380
\`\`\`

The ids of the cluster and of its members are derived from \`initial-cluster\` and \`initial-cluster-token\`.
They are written into the data directory, and a member refuses a directory with others: to change one of
these options is to ask for another cluster.
`;

type AnyOption = OptionWithDefault<unknown> | DerivedOption<unknown>;

function everyOption(): readonly AnyOption[] {
  return [...Object.values<AnyOption>(options), configFileOption];
}

function describeDefault(option: AnyOption): string {
  return 'default' in option ? option.type.format(option.default) : option.derivedDefault;
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => indent + each).join('\n');
}
