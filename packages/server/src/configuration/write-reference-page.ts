import { writeFileSync } from 'node:fs';
import { etcdFlagsPage } from './etcd-flags-page.ts';
import { referencePage } from './reference-page.ts';

// Run by `npm run generate --workspace=@quorate/server`.
const docs = new URL('../../../../docs/', import.meta.url);
writeFileSync(new URL('configuration.md', docs), referencePage());
writeFileSync(new URL('etcd-flags.md', docs), etcdFlagsPage());
