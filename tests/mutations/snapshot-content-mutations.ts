import { type Mutation, tests } from './mutation.ts';

const kv = 'packages/kv/src';
const kvTests = [
  `${kv}/store-snapshot.test.ts`,
  `${kv}/store-installation.test.ts`,
  `${kv}/store-model.test.ts`,
];
const storage = 'packages/storage/src';
const storageTests = [`${storage}/snapshot-directory.test.ts`];

/** Faults in what snapshots hold, how they are installed, and the files that they are kept in. */
export const snapshotContentMutations: readonly Mutation[] = [
  {
    name: 'snapshot-follows-the-store',
    fault: 'a snapshot sees what is written while it is read',
    edits: [
      {
        file: `${kv}/engine/memory-engine.ts`,
        find: '    if (chunk.generation === this.generation) return chunk;',
        replace: '    return chunk;',
      },
    ],
    detectors: [tests(...kvTests)],
  },
  {
    name: 'snapshot-overtaken-by-compaction',
    fault: 'compaction removes records that an open snapshot needs',
    edits: [
      {
        file: `${kv}/store.ts`,
        find: "this.snapshotsInNeed > 0 || this.engine.upkeep !== 'done') return;",
        replace: "this.engine.upkeep !== 'done') return;",
      },
    ],
    detectors: [tests(...kvTests)],
  },
  {
    name: 'snapshot-drops-the-boundary',
    fault: 'a snapshot leaves out what is needed at the compacted revision itself',
    edits: [
      {
        file: `${kv}/store-snapshot.ts`,
        find: 'isNeeded(modRevision, compactedRevision) === true',
        replace: 'isNeeded(modRevision, compactedRevision + 1) === true',
      },
    ],
    detectors: [tests(...kvTests)],
  },
  {
    name: 'snapshot-with-garbage',
    fault: 'a snapshot has records that compaction has made unneeded, so that it differs between members',
    edits: [
      {
        file: `${kv}/store-snapshot.ts`,
        find: '    if (this.isComplete) {',
        replace: '    if (this.state.revision > 0) {',
      },
    ],
    detectors: [tests(...kvTests)],
  },
  {
    name: 'install-keeps-old-facts',
    fault: 'facts of the old content survive the installation of a snapshot',
    edits: [
      {
        file: `${kv}/snapshot-installation.ts`,
        find: '  const removedFacts = namesOfFacts(engine).filter((name) => name !== markerName);',
        replace: '  const removedFacts = namesOfFacts(engine).slice(0, 0);',
      },
    ],
    detectors: [tests(...kvTests)],
  },
  {
    name: 'install-not-marked',
    fault: 'an interrupted installation is taken for a store',
    edits: [
      {
        file: `${kv}/snapshot-installation.ts`,
        find: 'facts: [marker], removedFacts });',
        replace: 'facts: [marker].slice(1), removedFacts });',
      },
    ],
    detectors: [tests(...kvTests)],
  },
  {
    name: 'snapshot-digest-not-checked',
    fault: 'a snapshot file is accepted whose content does not match the digest in its footer',
    edits: [
      {
        file: `${storage}/snapshot-file-decoder.ts`,
        find: "    if (footer.digest !== this.#hash.copy().digest('hex')) {",
        replace: '    if (footer.digest.length !== 64) {',
      },
    ],
    detectors: [tests(...storageTests)],
  },
  {
    name: 'snapshot-named-too-early',
    fault: 'a snapshot file gets its name before all of it is written',
    edits: [
      {
        file: `${storage}/snapshot-writer.ts`,
        find: '  async finish(name: string): Promise<void> {\n    await this.#flush();',
        replace: '  async finish(name: string): Promise<void> {',
      },
    ],
    detectors: [tests(...storageTests)],
  },
  {
    name: 'snapshot-not-synced',
    fault: 'a snapshot file counts as durable without an fsync',
    edits: [
      {
        file: `${storage}/snapshot-writer.ts`,
        find: '    await this.#file.sync();\n',
        replace: '',
      },
    ],
    detectors: [tests(...storageTests)],
  },
  {
    name: 'snapshot-memory-used-twice',
    fault: 'what is to be written next is collected in memory that the disk still reads',
    edits: [
      {
        file: `${storage}/snapshot-writer.ts`,
        find: '  async #beginWrite(): Promise<void> {\n    await this.#lastWrite();\n',
        replace: '  async #beginWrite(): Promise<void> {\n',
      },
    ],
    detectors: [tests(...storageTests)],
  },
  {
    name: 'snapshot-resumed-behind-damage',
    fault: 'a transfer goes on behind what a crash has torn',
    edits: [
      {
        file: `${storage}/incoming-snapshot.ts`,
        find: '  decoder.dropRest();\n',
        replace: '',
      },
    ],
    detectors: [tests(...storageTests)],
  },
];
