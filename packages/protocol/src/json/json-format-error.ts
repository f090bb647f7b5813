/** A text that is no JSON, or JSON that is not the message that it should be. The message says where and what is wrong. */
export class JsonFormatError extends Error {
  override readonly name = 'JsonFormatError';
}
