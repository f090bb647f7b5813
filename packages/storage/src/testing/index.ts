export {
  diskError,
  type DiskFault,
  type DiskOperation,
  MemoryDisk,
  type MemoryDiskOptions,
} from './memory-disk.ts';
export { MemoryFileSystem } from './memory-file-system.ts';
export { type Misreading, MisreadingFileSystem, zerosFrom } from './misreading-file-system.ts';
export { seededRandom } from './seeded-random.ts';
