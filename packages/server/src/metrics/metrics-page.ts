import { type MetricDescription, MemberRegistry } from './member-registry.ts';
import { logFlushSeconds, memberMetrics } from './member-metrics.ts';

/** The whole of `docs/metrics.md`. A test fails when the file differs from it. */
export async function metricsPage(): Promise<string> {
  const ofMember = [...memberMetrics, logFlushSeconds];
  const etcds = ofMember.filter(({ name }) => !name.startsWith('quorate_'));
  const ours = ofMember.filter(({ name }) => name.startsWith('quorate_'));
  const own = new Set<string>(ofMember.map(({ name }) => name));
  const described = await new MemberRegistry().descriptions();
  const ofProcess = described.filter(({ name }) => !own.has(name));
  return `${introduction}
## With etcd's names

They mean what they mean in etcd, so that its dashboards and alerts work.

${table(etcds)}
## Our own

${table(ours)}
## Of the process

Those of \`prom-client\`, which all programs on Node.js have.

${table(ofProcess.map(({ name, type, help }) => ({ name, kind: type, help, labels: [] })))}`;
}

const introduction = `# Metrics

A member answers \`GET /metrics\` on its client port in the text format of Prometheus:

\`\`\`sh
curl -s http://127.0.0.1:2379/metrics
\`\`\`

Values are looked up when they are asked for. Nothing secret is among them: no keys, no values, no tokens. This page is
generated from \`packages/server/src/metrics/member-metrics.ts\` by \`npm run generate --workspace=@quorate/server\`.
`;

type Row = Pick<MetricDescription, 'name' | 'help'> & {
  readonly kind: string;
  readonly labels: readonly string[];
};

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ name, kind, labels, help }) => {
    const named = labels.length === 0 ? name : `${name}{${labels.join(',')}}`;
    return `| \`${named}\` | ${kind} | ${help} |\n`;
  });
  return `| Metric | Kind | Meaning and unit |\n|---|---|---|\n${lines.join('')}`;
}
