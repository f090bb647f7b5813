import { writeFileSync } from 'node:fs';
import { referencePage } from './reference-page.ts';

// Run by `npm run generate --workspace=@quorate/server`.
writeFileSync(new URL('../../../../docs/configuration.md', import.meta.url), referencePage());
