import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildProgram } from '../program.ts';
import { referencePage } from './reference-page.ts';

const { stdin, stdout, stderr } = process;
const context = { stdin, stdout, stderr, environment: {}, directory: '.', entry: '' };
const file = join(import.meta.dirname, '../../../../docs/cli.md');
writeFileSync(file, referencePage(await buildProgram([], context)));
