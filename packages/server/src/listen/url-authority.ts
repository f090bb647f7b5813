/**
 * The first five bytes of `http://` in Huffman code (RFC 7541, appendix B), and the same with `--` for `//`. Both
 * take 41 bits; what is left for a sixth byte is a zero.
 */
const huffmanScheme = Buffer.from('9d29aee30c', 'hex');
const huffmanRepaired = Buffer.from('9d29aee2cb', 'hex');

const plainScheme = Buffer.from('http://');
const plainRepaired = Buffer.from('http:--');

/** Longer integers are malformed here: no block is so long. */
const weightMax = 2 ** 28;

/** The entry of HPACK's static table that names `:authority` (RFC 7541, appendix A). */
const authorityIndex = 1;

/**
 * Repairs, in place, the header block of a request (RFC 7541) whose `:authority` is a URL, `http://HOST:PORT`: it
 * becomes `http:--HOST:PORT`, of the same length, which the decoder lets pass. The receiver of the block must be the
 * first that decodes it; it and the sender then keep different values in their tables, under the same index and of
 * the same size. A block that is something else, or malformed, stays as it is.
 */
export function repairUrlAuthority(block: Buffer): void {
  const reader = new BlockReader(block);
  while (!reader.atEnd) {
    const name = reader.readFieldName();
    if (name === 'no-literal') continue;
    const value = reader.readString();
    if (value === null) return;
    if (name === authorityIndex) {
      replaceStart(value.bytes, value.isHuffman);
      return;
    }
  }
}

function replaceStart(value: Buffer, isHuffman: boolean): void {
  const [scheme, repaired] = isHuffman ? [huffmanScheme, huffmanRepaired] : [plainScheme, plainRepaired];
  if (!value.subarray(0, scheme.length).equals(scheme)) return;
  if (isHuffman && ((value[scheme.length] ?? 0xff) & 0x80) !== 0) return;
  repaired.copy(value);
}

/** Reads the fields of a header block without decoding them, so it needs no tables. */
class BlockReader {
  private readonly block: Buffer;
  private position = 0;

  constructor(block: Buffer) {
    this.block = block;
  }

  get atEnd(): boolean {
    return this.position >= this.block.length;
  }

  /** The index of a literal field's name, 0 if its name is a literal too; then its value comes. */
  readFieldName(): number | 'no-literal' {
    const first = this.block[this.position] ?? 0;
    // An indexed field (section 6.1), or a new size of the dynamic table (6.3).
    if (first >= 0x80 || (first & 0xe0) === 0x20) {
      this.readInteger(first >= 0x80 ? 7 : 5);
      return 'no-literal';
    }
    // A literal that goes into the dynamic table (6.2.1), or does not (6.2.2, 6.2.3).
    const name = this.readInteger(first >= 0x40 ? 6 : 4);
    if (name === 0) this.readString();
    return name;
  }

  /** A string (section 5.2), or null if the block ends before it does. */
  readString(): { readonly bytes: Buffer; readonly isHuffman: boolean } | null {
    const isHuffman = ((this.block[this.position] ?? 0) & 0x80) !== 0;
    const length = this.readInteger(7);
    const end = this.position + length;
    if (end > this.block.length) {
      this.position = this.block.length;
      return null;
    }
    const bytes = this.block.subarray(this.position, end);
    this.position = end;
    return { bytes, isHuffman };
  }

  /** An integer that begins in the low bits of a byte (section 5.1). One that is too long ends the block. */
  private readInteger(prefixBits: number): number {
    const prefixMax = 2 ** prefixBits - 1;
    let value = (this.block[this.position++] ?? 0) & prefixMax;
    if (value < prefixMax) return value;
    for (let weight = 1; this.position < this.block.length; weight *= 128) {
      if (weight > weightMax) {
        this.position = this.block.length;
        break;
      }
      const byte = this.block[this.position++] ?? 0;
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) break;
    }
    return value;
  }
}
