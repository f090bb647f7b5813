import type { MemberId } from '@quorate/raft';
import type { PeerRequest, PeerResponse } from './peer-call.ts';
import type { Clock } from './ports.ts';

/** What a member needs to answer its peers. */
export type PeerServiceParts = {
  readonly clock: Clock;
  /** The release that this member runs. */
  readonly version: string;
};

/** Answers what peers ask. What it rejects with becomes a refusal, with the error's code. */
export class PeerService {
  private readonly parts: PeerServiceParts;

  constructor(parts: PeerServiceParts) {
    this.parts = parts;
  }

  async answer(_from: MemberId, request: PeerRequest): Promise<PeerResponse> {
    switch (request.type) {
      case 'ping':
        return { type: 'ping', wallMs: Math.floor(this.parts.clock.wallMs()), version: this.parts.version };
    }
  }
}
