import { type Mutation, tests } from './mutation.ts';

const kv = 'packages/kv/src';
const replica = 'packages/replica/src';
const server = 'packages/server/src';
const alarmTests = `${replica}/alarms.test.ts`;
const corruptionTests = `${replica}/corruption-check.test.ts`;

/** Faults in alarms, quota, the corruption check, repair and backups. */
export const operationsMutations: readonly Mutation[] = [
  {
    name: 'full-member-takes-writes',
    fault: 'a put is executed although a member has no space',
    edits: [
      {
        file: `${kv}/validation.ts`,
        find: "    case 'put':\n    case 'putWithTtl':\n    case 'leaseGrant':\n      return true;",
        replace:
          "    case 'put':\n      return false;\n    case 'putWithTtl':\n    case 'leaseGrant':\n      return true;",
      },
    ],
    detectors: [tests(`${kv}/alarm-table.test.ts`), tests(alarmTests)],
  },
  {
    name: 'alarms-not-restored',
    fault: 'after a restart alarms are forgotten',
    edits: [{ file: `${kv}/store.ts`, find: '    this.alarmTable.restore(facts);\n', replace: '' }],
    detectors: [tests(`${kv}/alarm-table.test.ts`), tests(`${kv}/store-model.test.ts`)],
  },
  {
    name: 'alarm-never-clears',
    fault: 'the NOSPACE alarm stands although there is room again',
    edits: [
      {
        file: `${replica}/alarms.ts`,
        find: 'const hasRoom = this.usedBytes <= spaceQuotaBytes * roomAgainRatio;',
        replace: 'const hasRoom = this.usedBytes < 0;',
      },
    ],
    detectors: [tests(alarmTests)],
  },
  {
    name: 'isolated-member-serves',
    fault: 'a member whose data is wrong goes on answering',
    edits: [
      {
        file: `${replica}/alarms.ts`,
        find: '  checkSound(): void {\n    if (this.isIsolated) {',
        replace: '  checkSound(): void {\n    if (this.isIsolated && this.usedBytes < 0) {',
      },
    ],
    detectors: [tests(alarmTests)],
  },
  {
    name: 'checksum-sees-compaction',
    fault: 'the checksum of records depends on how far compaction has got, so that sound members differ',
    edits: [
      {
        file: `${kv}/record-digest.ts`,
        find: "      return map.index.get(key)?.isNeeded(modRevision, this.compactedRevision) === true\n        ? 'needed'\n        : 'not-needed';",
        replace: "      return map.index.get(key) === undefined ? 'not-needed' : 'needed';",
      },
    ],
    detectors: [tests(`${kv}/record-digest.test.ts`)],
  },
  {
    name: 'checksum-without-values',
    fault: 'a value that the disk has changed is not found',
    edits: [
      {
        file: `${kv}/record-digest.ts`,
        find: 'this.checksum = crc32(value, crc32(header,',
        replace: 'this.checksum = crc32(value.subarray(0, 0), crc32(header,',
      },
    ],
    detectors: [tests(`${kv}/record-digest.test.ts`), tests(corruptionTests)],
  },
  {
    name: 'half-accuses-the-rest',
    fault: 'members that are no majority are believed when they accuse another one',
    edits: [
      {
        file: `${replica}/corruption-check.ts`,
        find: 'groups.find((group) => group.length * 2 > memberCount)',
        replace: 'groups.find((group) => group.length * 2 > 1)',
      },
    ],
    detectors: [tests(corruptionTests)],
  },
  {
    name: 'sick-member-gives-snapshots',
    fault: 'a member whose data is wrong hands it to others as a snapshot',
    edits: [
      {
        file: `${replica}/state-care.ts`,
        find: "    if (type === 'snapshot-open') this.alarms.checkSound();",
        replace: "    if (type === 'snapshot-open') return;",
      },
    ],
    detectors: [tests(corruptionTests)],
  },
  {
    name: 'backup-without-its-end',
    fault: 'a backup whose stream broke off is taken for whole',
    edits: [
      {
        file: `${server}/backup/backup-file.ts`,
        find: "    decoder.expectEnd();\n    const { header, footer, verifiedBytes } = decoder;\n    if (header === null || footer === null) throw notASnapshot(file, 'it has no end');",
        replace:
          "    const { header, verifiedBytes } = decoder;\n    const footer = decoder.footer ?? { digest: '' };\n    if (header === null) throw notASnapshot(file, 'it has no end');",
      },
    ],
    detectors: [tests(`${server}/backup/backup.test.ts`)],
  },
  {
    name: 'lost-data-unnoticed',
    fault: 'a founding member that lost its data speaks to peers that know that it has run before',
    edits: [
      {
        file: `${server}/peer/greeting.ts`,
        find: 'if (!reply.callerHasRun || !own.isUnpublished()) return null;',
        replace: 'if (reply.protocolVersion > 0 || !own.isUnpublished()) return null;',
      },
    ],
    detectors: [tests(`${server}/peer/tcp-peer-transport.test.ts`)],
  },
  {
    name: 'lost-data-forgotten',
    fault: 'a founding member takes itself for published before anybody has accepted it',
    edits: [
      {
        file: `${server}/joining/first-publication.ts`,
        find: '    await member.linearize(call);\n',
        replace: '',
      },
    ],
    detectors: [tests(`${server}/joining/first-publication.test.ts`)],
  },
];
