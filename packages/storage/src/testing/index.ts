export {
  diskError,
  type DiskFault,
  type DiskOperation,
  MemoryDisk,
  type MemoryDiskOptions,
} from './memory-disk.ts';
export { MemoryFileSystem } from './memory-file-system.ts';
export { seededRandom } from './seeded-random.ts';
