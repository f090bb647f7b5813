import { stripVTControlCharacters } from 'node:util';

/** Rows under headings, in columns as wide as their widest cell. Cells may be coloured. No spaces at line ends. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(width(heading), ...rows.map((row) => width(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd();
  return [headings, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

function width(cell: string): number {
  return Array.from(stripVTControlCharacters(cell)).length;
}
