import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { applyEdits } from './edits.ts';
import { mutations } from './mutations.ts';

/**
 * Loaded with `--import` before anything else: replaces the source of the mutated files as they are loaded. The
 * mutation is named by QUORATE_MUTATION. Every file that was replaced is noted in the file that
 * QUORATE_MUTATION_NOTES names, for whoever wants to know whether the mutation took part.
 */
const name = process.env['QUORATE_MUTATION'];
const notes = process.env['QUORATE_MUTATION_NOTES'];
const mutation = mutations.find((candidate) => candidate.name === name);
if (mutation === undefined) throw new RangeError(`there is no mutation called ${name}`);

const root = new URL('../../', import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const file = url.startsWith(root) ? url.slice(root.length) : null;
    const edits = mutation.edits.filter((edit) => edit.file === file);
    if (edits.length === 0) return loaded;
    if (notes !== undefined) writeFileSync(notes, `${file}\n`, { flag: 'a' });
    const { source } = loaded;
    if (source === undefined || source === null) throw new TypeError(`${file} has no source`);
    const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
    return { ...loaded, source: applyEdits(text, edits) };
  },
});
