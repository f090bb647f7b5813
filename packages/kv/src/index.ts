export * from './command.ts';
export * from './engine/engine.ts';
export * from './engine/engine-error.ts';
export * from './engine/memory-engine.ts';
export type { MemberAttributes } from './member-attributes.ts';
export * from './store.ts';
export * from './store-error.ts';
export { isReadOnlyTransaction, isSerializableTransaction } from './validation.ts';
