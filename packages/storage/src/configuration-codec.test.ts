import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, MemberId } from '@quorate/raft';
import fc from 'fast-check';
import { decodeConfiguration, encodeConfiguration } from './configuration-codec.ts';

const memberId = fc.bigInt({ min: 1n, max: 0xffff_ffff_ffff_ffffn }) as fc.Arbitrary<MemberId>;

const address = fc.record(
  {
    id: memberId,
    name: fc.string({ unit: 'grapheme' }),
    peerUrls: fc.array(fc.webUrl()),
    becomesVoter: fc.constant(true as const),
  },
  { noNullPrototype: true, requiredKeys: ['id', 'name', 'peerUrls'] },
);

const configurations: fc.Arbitrary<Configuration> = fc.record(
  {
    voters: fc.array(memberId),
    outgoingVoters: fc.array(memberId),
    learners: fc.array(memberId),
    learnersNext: fc.array(memberId),
    addresses: fc.uniqueArray(address, { selector: ({ id }) => id }),
  },
  { noNullPrototype: true },
);

test('a configuration survives encoding and decoding', () => {
  fc.assert(
    fc.property(configurations, (configuration) => {
      assert.deepEqual(decodeConfiguration(encodeConfiguration(configuration)), configuration);
    }),
  );
});

test('what is cut short or has bytes left over is no configuration', () => {
  const bytes = encodeConfiguration({
    voters: [1n as MemberId],
    outgoingVoters: [],
    learners: [],
    learnersNext: [],
    addresses: [{ id: 1n as MemberId, name: 'one', peerUrls: ['http://127.0.0.1:2380'] }],
  });
  for (let length = 0; length < bytes.length; length += 1) {
    assert.throws(() => decodeConfiguration(bytes.slice(0, length)), RangeError);
  }
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  assert.throws(() => decodeConfiguration(longer), RangeError);
});

test('a name that is too long is refused', () => {
  const long = { id: 1n as MemberId, name: 'x'.repeat(70_000), peerUrls: [] };
  const lists = { voters: [], outgoingVoters: [], learners: [], learnersNext: [] };
  assert.throws(() => encodeConfiguration({ ...lists, addresses: [long] }), RangeError);
});
