import { type EtcdFlag, type EtcdFlagKind, etcdFlags } from './etcd-flags.ts';

/** The whole of `docs/etcd-flags.md`. A test fails when the file differs from it. */
export function etcdFlagsPage(): string {
  const rows = etcdFlags.map(row).join('\n');
  return `${introduction}
| Flag | etcd's default | Here | |
|---|---|---|---|
${rows}
`;
}

const introduction = `# etcd's flags

\`quorate serve\` takes the place of \`etcd\` in scripts, units and images: every flag of etcd 3.6 is understood, with two
dashes or one, and so is its environment variable (\`ETCD_NAME\` for \`--name\`; a flag goes before it, and so does
\`QUORATE_NAME\`). Flags that begin with \`experimental-\` are taken for those that they became. Where something
insists on a command that is called \`etcd\`, this is one:

\`\`\`sh
#!/bin/sh
exec quorate serve "$@"
\`\`\`

- \`quorate serve --version\` prints what \`etcd --version\` prints, with the version of etcd whose API is spoken.
- When clients are served and the cluster has a leader, the log says \`ready to serve client requests\`. With
  \`--log-format json\`, lines have \`level\` and \`msg\` as etcd's have; the time is \`time\`.
- \`/version\`, \`/health\`, \`/livez\`, \`/readyz\` and \`/metrics\` are served where clients are.

This page is generated from \`packages/server/src/configuration/etcd-flags.ts\` by
\`npm run generate --workspace=@quorate/server\`; [configuration.md](configuration.md) describes the options.

- **same**: means the same.
- **differs**: is an option; the difference is given.
- **changes nothing**: is taken, with a warning if its value is not etcd's default, because there is nothing to change.
- **fixed**: things are as with etcd's default. The member refuses to start with another value, because to go on
  without what was asked for would be worse.
`;

const meaning: Readonly<Record<EtcdFlagKind, string>> = {
  same: 'same',
  differs: 'differs',
  idle: 'changes nothing',
  fixed: 'fixed',
};

function row(flag: EtcdFlag): string {
  const value = flag.default === '' ? '' : `\`${flag.default}\``;
  return `| \`--${flag.name}\` | ${value} | ${meaning[flag.kind]} | ${flag.note} |`;
}
