import { once } from 'node:events';
import { connect, constants } from 'node:http2';

/** The status that a gRPC server gives to a request of any bytes, malformed ones included. */
export async function rawGrpcCall(
  endpoint: string,
  path: string,
  message: Uint8Array,
): Promise<{ status: string; message: string }> {
  const session = connect(`http://${endpoint}`);
  try {
    await once(session, 'connect');
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    let headers: Record<string, unknown> = {};
    for (const event of ['response', 'trailers']) {
      stream.on(event, (received: Record<string, unknown>) => {
        headers = { ...headers, ...received };
      });
    }
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    stream.resume();
    await once(stream, 'close');
    return {
      status: String(headers['grpc-status']),
      message: decodeURIComponent(String(headers['grpc-message'])),
    };
  } finally {
    session.close();
  }
}
