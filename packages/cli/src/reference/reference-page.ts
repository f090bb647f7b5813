import type { Command } from 'commander';
import { exitCodes } from '../exit-code.ts';

/** The whole of `docs/cli.md`, made from the declarations of the commands. A test fails when the file differs. */
export function referencePage(program: Command): string {
  const sections = leaves(program).map(describeCommand);
  const codes = Object.values(exitCodes).map(({ code, meaning }) => `- \`${code}\`: ${meaning}`);
  return `${introduction}\n${codes.join('\n')}\n\n${sections.join('\n\n')}\n`;
}

const introduction = `# The quorate command

This page is generated from the declarations of the commands by \`npm run generate --workspace=quorate\`. In a clone
of the repository the command is \`npx quorate\`; \`quorate help COMMAND\` prints the same.

Commands that talk to a cluster use \`--endpoints\`, else the environment variable \`QUORATE_ENDPOINTS\`, else
\`127.0.0.1:2379\`. Name every member: the command goes on to the next one if one is down.

## What is printed

- Errors are one line on the standard error stream, with what to do about it. Nothing is coloured unless it goes to
  a terminal, and \`NO_COLOR\` is unset.
- The value of one key is printed as it is: as exact bytes, unless the output is a terminal and they would garble it.
- Where keys and values stand in lines, \`\\n\`, \`\\t\`, \`\\r\`, \`\\\\\` and \`\\xNN\` stand for what is not printable.
  Commands read them in arguments with \`--escaped\`; the shell and \`txn\` read them outside single quotes.
- With \`--json\`, keys and values are base64, ids of members are hexadecimal, and leases are decimal strings.

## Exit codes
`;

/** Commands that do something, as opposed to those that only group others. */
function leaves(command: Command): readonly Command[] {
  const children = command.commands.filter((each) => each.name() !== 'help');
  return children.length === 0 ? [command] : children.flatMap(leaves);
}

function describeCommand(command: Command): string {
  const help = command.createHelp();
  const entries = [
    ...help.visibleArguments(command).map((each) => entry(each.name().toUpperCase(), each.description)),
    ...help.visibleOptions(command).map((each) => {
      const preset = each.defaultValue === undefined ? '' : ` (default: ${String(each.defaultValue)})`;
      return entry(each.flags, each.description + preset);
    }),
  ];
  const isServe = command.name() === 'serve';
  const usage = `\`${fullName(command)} ${isServe ? '[options]' : command.usage()}\``;
  const more = isServe ? ['The options are described in [configuration.md](configuration.md).'] : [];
  const parts = [`## ${fullName(command)}`, usage, body(command.description()), ...more, entries.join('\n')];
  return parts.join('\n\n');
}

function entry(name: string, meaning: string): string {
  return `- \`${name}\`: ${escapeMarkdown(meaning)}`;
}

/** A description with examples is shown as it is; another flows. */
function body(description: string): string {
  return /^ {2}/m.test(description) ? `\`\`\`text\n${description}\n\`\`\`` : escapeMarkdown(description);
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\<]/g, '\\$&');
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
