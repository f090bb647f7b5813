import { type Mutation, simulate, tests } from './mutation.ts';

const storage = 'packages/storage/src';
const storageTests = `${storage}/*.test.ts`;

/** Faults in the durable log. */
export const storageMutations: readonly Mutation[] = [
  {
    name: 'append-without-fsync',
    fault: 'a write to the log counts as durable without an fsync',
    edits: [
      {
        file: `${storage}/segment-tail.ts`,
        find: '      await segment.file.write(bytes.subarray(0, length), segment.end);\n      await segment.file.sync();',
        replace: '      await segment.file.write(bytes.subarray(0, length), segment.end);',
      },
    ],
    detectors: [simulate(100), tests(storageTests)],
  },
  {
    name: 'checksum-ignored',
    fault: 'records are read without looking at their checksum, so that a torn tail is accepted',
    edits: [
      {
        file: `${storage}/segment-reader.ts`,
        find: "    if (!recordIsIntact(record, range.salt)) return { offset, reason: 'no-record' };",
        replace: '',
      },
    ],
    detectors: [tests(storageTests)],
  },
  {
    name: 'torn-tail-reused',
    fault: 'after a torn write the log goes on in the same file, in front of what the torn write left',
    edits: [
      {
        file: `${storage}/segment-tail.ts`,
        find: '    if (found.tornTail !== null) await this.#changeSegment(0);\n',
        replace: '',
      },
    ],
    detectors: [tests(storageTests)],
  },
  {
    name: 'directory-not-synced',
    fault: "a new segment's name is not made durable in its directory",
    edits: [
      {
        file: `${storage}/segment.ts`,
        find: '    await fileSystem.rename(`${directory}/${SPARE_NAME}`, path);\n    await fileSystem.syncDirectory(directory);',
        replace: '    await fileSystem.rename(`${directory}/${SPARE_NAME}`, path);',
      },
    ],
    detectors: [simulate(100), tests(storageTests)],
  },
  {
    name: 'vote-not-restored',
    fault: 'a restart restores the term, but not the vote',
    edits: [
      {
        file: `${storage}/log-image.ts`,
        find: '        this.#term = record.term;\n        this.#vote = record.vote;',
        replace: '        this.#term = record.term;',
      },
    ],
    detectors: [simulate(200), tests(storageTests)],
  },
  {
    name: 'truncation-not-written',
    fault: 'entries that replace others are appended without a record of the truncation',
    edits: [
      {
        file: `${storage}/write-ahead-log.ts`,
        find: '        writer.truncate(first.index);\n',
        replace: '',
      },
    ],
    detectors: [simulate(100), tests(storageTests)],
  },
  {
    name: 'commit-index-before-entries',
    fault: 'the durable commit index may point to entries that a torn write did not replace yet',
    edits: [
      {
        file: `${storage}/write-ahead-log.ts`,
        find: '    tail.begin();\n    for (const { hardState, entries } of writes) {',
        replace:
          '    tail.begin();\n    if (last.hardState.commit > this.#image.hardState.commit) writer.commit(last.hardState.commit);\n    for (const { hardState, entries } of writes) {',
      },
      {
        file: `${storage}/write-ahead-log.ts`,
        find: '    if (last.hardState.commit > this.#image.hardState.commit) {\n      writer.commit(last.hardState.commit);\n      if (!tail.fits) await tail.carryOver();\n    }\n',
        replace: '',
      },
    ],
    detectors: [simulate(100), tests(storageTests)],
  },
  {
    name: 'found-tail-not-rewritten',
    fault: 'recovery relies on records that a failed fsync left in the cache only',
    edits: [
      {
        file: `${storage}/segment-tail.ts`,
        find: '    await rewrite(this.#segment, last);\n',
        replace: '',
      },
    ],
    detectors: [tests(`${storage}/write-ahead-log.test.ts`)],
  },
  {
    name: 'remains-looked-at-once',
    fault: 'one wrong answer of the disk has recovery take a torn write, or a durable one, for nothing',
    edits: [
      {
        file: `${storage}/recovery.ts`,
        find: '  const again = await examineRemains(range);\n',
        replace: '  const again = remains;\n',
      },
    ],
    detectors: [tests(`${storage}/recovery.test.ts`)],
  },
  {
    name: 'overwritten-entry-read',
    fault: 'an entry that was overwritten is returned when the disk reads where it was',
    edits: [
      {
        file: `${storage}/entry-reader.ts`,
        find: '  if (index !== wanted.next || term !== expected) {',
        replace: '  if (index !== wanted.next) {',
      },
    ],
    detectors: [tests(`${storage}/entry-reader.test.ts`)],
  },
];
