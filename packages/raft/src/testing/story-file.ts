/**
 * A story is a text file that people read and a test runs. Lines that start with `> ` are commands; the lines
 * right below one, up to the next blank line or command, are what it is expected to tell. Everything else is
 * prose.
 */

/** Runs the commands of a story and returns it with what they told in place of what was expected. */
export function retell(story: string, perform: (command: string) => readonly string[]): string {
  const told: string[] = [];
  let skipping = false;
  for (const line of story.trimEnd().split('\n')) {
    if (line.startsWith('> ')) {
      told.push(line, ...perform(line.slice(2).trim()));
      skipping = true;
    } else if (line.trim() === '') {
      told.push('');
      skipping = false;
    } else if (!skipping) {
      told.push(line);
    }
  }
  return `${told.join('\n')}\n`;
}
