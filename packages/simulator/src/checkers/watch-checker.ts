import type { WatchRecord } from '../workload/watch-record.ts';
import type { WatchTruth } from './watch-truth.ts';

/** Compares what a client heard with what happened. Returns what is wrong, or null. */
export type WatchChecker = (watch: WatchRecord, truth: WatchTruth) => string | null;
