import { writeFileSync } from 'node:fs';
import { etcdFlagsPage } from './configuration/etcd-flags-page.ts';
import { referencePage } from './configuration/reference-page.ts';
import { metricsPage } from './metrics/metrics-page.ts';

// Run by `npm run generate --workspace=@quorate/server`.
const docs = new URL('../../../docs/', import.meta.url);
writeFileSync(new URL('configuration.md', docs), referencePage());
writeFileSync(new URL('etcd-flags.md', docs), etcdFlagsPage());
writeFileSync(new URL('metrics.md', docs), await metricsPage());
