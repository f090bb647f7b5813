import { createHash } from 'node:crypto';
import { maintenanceService, type SnapshotResponse } from '@quorate/protocol';
import type { Clock, Timer } from '@quorate/replica';
import { openBackup } from '../backup/backup-stream.ts';
import { type HandledMethod, serverStream } from './api-method.ts';
import { ApiError } from './api-error.ts';
import { replicaFailure } from './error-table.ts';
import { etcdVersion } from './etcd-version.ts';
import { completeHeader, type Member } from './member.ts';
import type { StreamContext } from './stream-context.ts';

/** Each keeps the engine from forgetting what is removed meanwhile. */
const snapshotsMax = 2;
/** A client that takes nothing for so long is hung up on, so that it does not hold the engine up for ever. */
const silenceMaxMs = 60_000;
/** etcd's clients take a stream for whole if it has its checksum behind a multiple of this. */
const alignmentBytes = 512;
const paddingLengthBytes = 2;

/**
 * Snapshot: a backup of the member's state as a snapshot file of our own format (`storage`, FORMAT.md), which is
 * no bbolt file. What follows the file is what etcd's clients expect: padding to a multiple of 512 bytes, whose
 * last two bytes are its length (little-endian), and the SHA-256 of everything before.
 */
export function snapshotMethods(member: Member): readonly HandledMethod[] {
  let open = 0;
  return [
    serverStream(maintenanceService.methods.snapshot, async function* (_request, context) {
      if (open >= snapshotsMax) throw replicaFailure('overloaded');
      open += 1;
      try {
        yield* streamSnapshot(member, context);
      } finally {
        open -= 1;
      }
    }),
  ];
}

async function* streamSnapshot(member: Member, context: StreamContext): AsyncGenerator<SnapshotResponse> {
  const estimateBytes = member.store.sizeInUseBytes;
  const backup = openBackup(member);
  const silence = new SilenceTimer(member.clock, () => {
    const message = `quorate: the client took nothing of the snapshot for ${silenceMaxMs / 1000} seconds`;
    context.fail(new ApiError('cancelled', message, 'none'));
    backup.close();
  });
  const hash = createHash('sha256');
  let sentBytes = 0;
  const response = (blob: Uint8Array, remainingBytes: number): SnapshotResponse =>
    completeHeader(member, {
      header: { clusterId: 0n, memberId: 0n, revision: backup.revision, raftTerm: 0 },
      remainingBytes,
      blob,
      version: etcdVersion,
    });
  try {
    for await (const blob of backup.bytes) {
      if (context.signal.aborted) return;
      hash.update(blob);
      sentBytes += blob.length;
      silence.start();
      // What is left is only known roughly: the size of the file shows when it is complete.
      yield response(blob, Math.max(1, estimateBytes - sentBytes));
      silence.stop();
    }
    const padding = paddingFor(sentBytes);
    hash.update(padding);
    yield response(padding, 32);
    yield response(hash.digest(), 0);
  } finally {
    silence.stop();
    backup.close();
  }
}

/** At least two bytes: its length is in the last two. */
function paddingFor(fileBytes: number): Uint8Array {
  const rest = (fileBytes + paddingLengthBytes) % alignmentBytes;
  const length = paddingLengthBytes + (rest === 0 ? 0 : alignmentBytes - rest);
  const padding = new Uint8Array(length);
  new DataView(padding.buffer).setUint16(length - paddingLengthBytes, length, true);
  return padding;
}

/** Notices that a client does not take what it is given. */
class SilenceTimer {
  private readonly clock: Clock;
  private readonly silent: () => void;
  private timer: Timer | null = null;

  constructor(clock: Clock, silent: () => void) {
    this.clock = clock;
    this.silent = silent;
  }

  start(): void {
    this.timer = this.clock.setTimer(silenceMaxMs, this.silent);
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = null;
  }
}
