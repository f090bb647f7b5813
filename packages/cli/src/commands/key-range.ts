import type { Bytes, KeyRange } from '@quorate/client';
import type { Command } from 'commander';
import { usageError } from '../cli-error.ts';
import { fromByteString } from '../text/byte-string.ts';
import { unescape } from '../text/words.ts';

/** Whether arguments are taken as they are, or with escapes. */
export type EscapeOptions = { readonly escaped?: boolean };

/** How the keys of a command are named. */
export type KeyRangeOptions = EscapeOptions & {
  readonly prefix?: boolean;
  readonly fromKey?: boolean;
  readonly all?: boolean;
};

/** Adds the option that lets arguments be any bytes. */
export function withEscapes(command: Command): Command {
  return command.option('--escaped', 'read \\n, \\t, \\\\ and \\xNN in arguments, as they are printed');
}

/** Adds the arguments and options that name one key or several. */
export function withKeyRange(command: Command): Command {
  return withEscapes(
    command
      .argument('[key]', 'the key, or the first one')
      .argument('[end]', 'the key after the last one: names the range from KEY up to END, without END')
      .option('--prefix', 'every key that starts with KEY')
      .option('--from-key', 'every key from KEY on')
      .option('--all', 'every key'),
  );
}

/** The bytes that an argument stands for. */
export function toBytes(argument: string, { escaped }: EscapeOptions): Bytes {
  return escaped === true ? unescape(argument) : fromByteString(argument);
}

/** Understands them. Throws a usage error if they contradict each other. */
export function toKeyRange(
  keyText: string | undefined,
  endText: string | undefined,
  options: KeyRangeOptions,
): KeyRange {
  const ways = [endText !== undefined, options.prefix, options.fromKey, options.all].filter(Boolean).length;
  if (ways > 1) throw usageError('give only one of END, --prefix, --from-key and --all');
  if (options.all === true) {
    if (keyText !== undefined) throw usageError('--all takes no key');
    return { prefix: '' };
  }
  if (keyText === undefined) throw usageError('no key given', 'Name a key, or say --all for every key.');
  const key = toBytes(keyText, options);
  if (endText !== undefined) return { from: key, to: toBytes(endText, options) };
  const isSeveral = options.prefix === true || options.fromKey === true;
  // Often an empty variable in a script: it must not become "every key".
  if (key.length === 0 && isSeveral) throw usageError('the key is empty', 'Say --all for every key.');
  if (options.prefix === true) return { prefix: key };
  return options.fromKey === true ? { from: key } : { key };
}

/** True if the range is one key by nature, not by chance. */
export function isSingleKey(range: KeyRange): range is { readonly key: Bytes } {
  return 'key' in range;
}
