import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { SystemDns } from './dns.ts';

const opened: { close(): unknown }[] = [];
after(() => {
  for (const each of opened) each.close();
});

/** Response codes (RFC 1035, section 4.1.1). */
const noError = 0;
const serverFailure = 2;
const nameError = 3;

const headerBytes = 12;

function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  return Buffer.concat([...labels, Buffer.of(0)]);
}

/** A resource record of type SRV (33) for the name that was asked for (RFC 2782). */
function srvRecord(host: string, port: number): Buffer {
  const target = encodeName(host);
  const fixed = Buffer.alloc(18);
  fixed.writeUInt16BE(0xc000 + headerBytes, 0);
  fixed.writeUInt16BE(33, 2);
  fixed.writeUInt16BE(1, 4);
  fixed.writeUInt32BE(60, 6);
  fixed.writeUInt16BE(6 + target.length, 10);
  fixed.writeUInt16BE(port, 16);
  return Buffer.concat([fixed, target]);
}

/** A name server that answers whatever it is asked with this. */
async function serving(code: number, records: readonly Buffer[]): Promise<SystemDns> {
  const socket = createSocket('udp4');
  opened.push(socket);
  socket.on('message', (query, from) => {
    // The header and the question come back, without what the resolver appends for EDNS.
    const questionEnd = query.indexOf(0, headerBytes) + 5;
    const head = Buffer.from(query.subarray(0, questionEnd));
    head.writeUInt16BE(0x8180 + code, 2);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([head, ...records]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ timeout: 1_000, tries: 2 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return new SystemDns(resolver);
}

describe('over the network', () => {
  test('SRV records are hosts and ports', async () => {
    const dns = await serving(noError, [
      srvRecord('n1.example.com', 2380),
      srvRecord('n2.example.com', 22380),
    ]);
    const found = await dns.services('_etcd-server._tcp.example.com');
    assert.deepEqual(
      found.toSorted((left, right) => left.port - right.port),
      [
        { host: 'n1.example.com', port: 2380 },
        { host: 'n2.example.com', port: 22380 },
      ],
    );
  });

  test('what does not exist is an empty list, and what fails is no such thing', async () => {
    const name = '_etcd-server._tcp.example.com';
    assert.deepEqual(await (await serving(nameError, [])).services(name), []);
    assert.deepEqual(await (await serving(noError, [])).services(name), []);
    await assert.rejects((await serving(serverFailure, [])).services(name), { code: 'ESERVFAIL' });
  });
});

test('an address is its own', async () => {
  assert.deepEqual(await new SystemDns().addresses('127.0.0.1'), ['127.0.0.1']);
});
