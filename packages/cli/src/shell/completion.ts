import type { Command } from 'commander';

/**
 * What may follow a line: names of commands and their options. Returns the candidates, each with a space
 * after it, and the part of the line that they complete.
 */
export function completeLine(program: Command, line: string): [string[], string] {
  const words = line.trimStart().split(/\s+/);
  const last = words.pop() ?? '';
  const command = descend(program, words);
  if (command === null) return [[], last];
  const isLeaf = command.commands.length === 0;
  const names =
    last.startsWith('-') || isLeaf ? optionsOf(command) : command.commands.map((each) => each.name());
  const candidates = names.filter((name) => name.startsWith(last)).map((name) => `${name} `);
  // A leaf's arguments are keys and values: only an option that was begun is completed there.
  return [isLeaf && !last.startsWith('-') ? [] : candidates, last];
}

/** The command that the words before the last one name, or null if they name none. */
function descend(program: Command, words: readonly string[]): Command | null {
  let command = program;
  for (const word of words) {
    if (command.commands.length === 0) return command;
    if (command === program && word === 'help') continue;
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) return null;
    command = next;
  }
  return command;
}

function optionsOf(command: Command): string[] {
  return [...command.options.map((option) => option.long ?? option.short ?? ''), '--help'];
}
