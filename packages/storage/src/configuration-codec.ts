import type { Configuration, MemberAddress, MemberId } from '@quorate/raft';

/**
 * A configuration in bytes (FORMAT.md, "Configuration"). Little-endian; every list and string is preceded
 * by its length in 16 bits.
 */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const output = new ByteOutput();
  output.memberIds(configuration.voters);
  output.memberIds(configuration.outgoingVoters);
  output.memberIds(configuration.learners);
  output.memberIds(configuration.learnersNext);
  output.length(configuration.addresses.length);
  for (const address of configuration.addresses) {
    output.memberId(address.id);
    output.text(address.name);
    output.length(address.peerUrls.length);
    for (const url of address.peerUrls) output.text(url);
  }
  const becomingVoters = configuration.addresses.flatMap(({ id, becomesVoter }) =>
    becomesVoter ? [id] : [],
  );
  // Left out if it is empty, which is how configurations were written before there was such a list.
  if (becomingVoters.length > 0) output.memberIds(becomingVoters);
  return output.finish();
}

/** The reverse. Throws a RangeError if the bytes are not exactly one configuration. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const input = new ByteInput(bytes);
  const lists = {
    voters: input.memberIds(),
    outgoingVoters: input.memberIds(),
    learners: input.memberIds(),
    learnersNext: input.memberIds(),
  };
  const addresses = input.addresses();
  const becomingVoters = new Set(input.isAtEnd ? [] : input.memberIds());
  input.expectEnd();
  return {
    ...lists,
    addresses: addresses.map((address) =>
      becomingVoters.has(address.id) ? { ...address, becomesVoter: true } : address,
    ),
  };
}

const LENGTH_MAX = 0xffff;

class ByteOutput {
  readonly #parts: Uint8Array[] = [];
  readonly #encoder = new TextEncoder();

  length(value: number): void {
    if (value > LENGTH_MAX) throw new RangeError(`a configuration holds at most ${LENGTH_MAX} of anything`);
    const part = new Uint8Array(2);
    new DataView(part.buffer).setUint16(0, value, true);
    this.#parts.push(part);
  }

  memberId(id: MemberId): void {
    const part = new Uint8Array(8);
    new DataView(part.buffer).setBigUint64(0, id, true);
    this.#parts.push(part);
  }

  memberIds(ids: readonly MemberId[]): void {
    this.length(ids.length);
    for (const id of ids) this.memberId(id);
  }

  text(value: string): void {
    const part = this.#encoder.encode(value);
    this.length(part.length);
    this.#parts.push(part);
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}

class ByteInput {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  length(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  memberId(): MemberId {
    return this.#view.getBigUint64(this.#take(8), true) as MemberId;
  }

  memberIds(): readonly MemberId[] {
    return Array.from({ length: this.length() }, () => this.memberId());
  }

  addresses(): readonly MemberAddress[] {
    return Array.from({ length: this.length() }, () => ({
      id: this.memberId(),
      name: this.text(),
      peerUrls: Array.from({ length: this.length() }, () => this.text()),
    }));
  }

  text(): string {
    const length = this.length();
    const start = this.#take(length);
    return this.#decoder.decode(this.#bytes.subarray(start, start + length));
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw new RangeError('a configuration has bytes left over');
  }

  #take(count: number): number {
    const start = this.#at;
    if (start + count > this.#bytes.length) throw new RangeError('a configuration ends too early');
    this.#at = start + count;
    return start;
  }
}
