import type { Socket } from 'node:net';
import type { Clock, Timer } from '@quorate/replica';
import { repairUrlAuthority } from './url-authority.ts';

export type Http2OpeningOptions = {
  readonly clock: Clock;
  /** How long the first request is waited for, in milliseconds. */
  readonly timeoutMs: number;
  /** The socket is ready for an HTTP/2 server: nothing that the client sent is missing. Called at most once. */
  readonly opened: () => void;
};

/** What a client may have sent by its first request: what its window lets it (64 KiB), and many more requests. In bytes. */
const openingMaxBytes = 128 * 1024;

const prefaceBytes = 24;
const frameHeaderBytes = 9;
const frameType = { data: 0, headers: 1, priority: 2, settings: 4, windowUpdate: 8 } as const;
const flag = { acknowledge: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** SETTINGS that change nothing. */
const emptySettings = Buffer.from([0, 0, 0, frameType.settings, 0, 0, 0, 0, 0]);

/**
 * Holds a connection that speaks HTTP/2 until its first request is there, to repair that request's `:authority`
 * before it is decoded. Old clients of etcd (3.4) write a URL there; etcd does not mind, but Node.js would reset the
 * stream, and cannot be told not to (decision 0015).
 *
 * Clients of gRPC send nothing before they have heard the server's SETTINGS. So who sends no request of itself is
 * greeted with empty ones, whose acknowledgement is taken out again: the HTTP/2 server knows nothing of them.
 */
export class Http2Opening {
  private readonly socket: Socket;
  private readonly options: Http2OpeningOptions;
  private timer: Timer | null = null;
  private held: Buffer = Buffer.alloc(0);
  private readonly opening = new Opening();
  private isGreeted = false;

  constructor(socket: Socket, options: Http2OpeningOptions) {
    this.socket = socket;
    this.options = options;
  }

  start(): void {
    const { clock, timeoutMs } = this.options;
    this.timer = clock.setTimer(timeoutMs, () => this.end());
    this.socket.on('readable', this.look);
    this.socket.once('close', this.stop);
    this.look();
  }

  /** Waits no longer: hands over a connection that is in order, and closes one that is not. */
  end(): void {
    if (this.canBeHandedOver) {
      this.handOver();
    } else {
      this.stop();
      this.socket.destroy();
    }
  }

  private readonly look = (): void => {
    const bytes = this.socket.read() as Buffer | null;
    if (bytes === null) return;
    this.held = Buffer.concat([this.held, bytes]);
    this.opening.read(this.held);
    const { isOver } = this.opening;
    if (!isOver && !this.isGreeted) {
      this.isGreeted = true;
      this.socket.write(emptySettings);
    }
    if (isOver && this.canBeHandedOver) {
      this.handOver();
    } else if (this.held.length > openingMaxBytes) {
      this.end();
    }
  };

  private get canBeHandedOver(): boolean {
    return !this.isGreeted || this.opening.acknowledgement !== null;
  }

  private handOver(): void {
    const { acknowledgement, headerBlock } = this.opening;
    this.stop();
    if (headerBlock !== null) repairUrlAuthority(this.held.subarray(headerBlock.start, headerBlock.end));
    this.socket.unshift(
      this.isGreeted && acknowledgement !== null ? without(this.held, acknowledgement) : this.held,
    );
    this.options.opened();
  }

  private readonly stop = (): void => {
    this.timer?.cancel();
    this.socket.off('readable', this.look);
    this.socket.off('close', this.stop);
  };
}

type Span = { readonly start: number; readonly end: number };

/** What a client has sent so far, frame by frame. */
class Opening {
  /** A frame is among it that waits for an answer: its first request, as a rule. */
  isOver = false;
  /** Where the first acknowledgement of SETTINGS is. */
  acknowledgement: Span | null = null;
  /** Where the header block of the first request is, if it is in one frame. */
  headerBlock: Span | null = null;
  /** Where the next frame begins. */
  private position = prefaceBytes;

  /** Goes on with the frames that are whole by now, of all bytes that have come. */
  read(bytes: Buffer): void {
    while (this.position + frameHeaderBytes <= bytes.length) {
      const end = this.position + frameHeaderBytes + bytes.readUIntBE(this.position, 3);
      if (end > bytes.length) return;
      this.take(bytes, { start: this.position, end });
      this.position = end;
    }
  }

  private take(bytes: Buffer, frame: Span): void {
    const type = bytes.readUInt8(frame.start + 3);
    const flags = bytes.readUInt8(frame.start + 4);
    if (type === frameType.settings) {
      if ((flags & flag.acknowledge) !== 0) this.acknowledgement ??= frame;
    } else if (type !== frameType.windowUpdate && type !== frameType.priority) {
      if (!this.isOver && type === frameType.headers) this.headerBlock = headerBlockIn(bytes, frame, flags);
      this.isOver = true;
    }
  }
}

/** The header block in a HEADERS frame (RFC 9113, section 6.2); null if it does not end there. */
function headerBlockIn(bytes: Buffer, frame: Span, flags: number): Span | null {
  if ((flags & flag.endHeaders) === 0) return null;
  const payload = frame.start + frameHeaderBytes;
  const isPadded = (flags & flag.padded) !== 0 && payload < frame.end;
  const start = payload + (isPadded ? 1 : 0) + ((flags & flag.priority) !== 0 ? 5 : 0);
  const paddingBytes = isPadded ? bytes.readUInt8(payload) : 0;
  return { start, end: Math.max(start, frame.end - paddingBytes) };
}

function without(bytes: Buffer, { start, end }: Span): Buffer {
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}
