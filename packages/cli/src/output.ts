import { once } from 'node:events';
import { styleText } from 'node:util';
import type { Output } from './context.ts';

type Style = Parameters<typeof styleText>[0];

/** Writes, and waits while the reader is behind, so that output of any size takes bounded memory. */
export async function write(output: Output, chunk: string | Uint8Array): Promise<void> {
  if (!output.write(chunk)) await once(output, 'drain');
}

export async function writeJson(output: Output, value: unknown): Promise<void> {
  await write(output, `${JSON.stringify(value)}\n`);
}

/** Colours text if the output is a terminal and nothing (`NO_COLOR`, `TERM=dumb`) speaks against it. */
export function styled(output: Output, style: Style, text: string): string {
  if (output.isTTY !== true) return text;
  return styleText(style, text, { stream: output });
}
