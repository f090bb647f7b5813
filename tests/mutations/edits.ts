import type { Edit } from './mutation.ts';

/** Throws a RangeError if a text does not occur exactly once: the mutation must then be written anew. */
export function applyEdits(source: string, edits: readonly Edit[]): string {
  let edited = source;
  for (const { file, find, replace } of edits) {
    const occurrences = edited.split(find).length - 1;
    if (occurrences !== 1) {
      throw new RangeError(`${file} has this text ${occurrences} times instead of once:\n${find}`);
    }
    edited = edited.replace(find, () => replace);
  }
  return edited;
}
