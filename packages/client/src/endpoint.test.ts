import assert from 'node:assert/strict';
import test from 'node:test';
import { toSettings } from './client-options.ts';
import { parseEndpoint, parseEndpoints } from './endpoint.ts';

test('endpoints are read with and without a scheme, by name and by address', () => {
  const addresses = ['localhost:2379', 'http://10.0.0.1:1', 'http://db-1.example:65535/', '[::1]:2379'].map(
    (text) => parseEndpoint(text).address,
  );
  assert.deepEqual(addresses, ['localhost:2379', '10.0.0.1:1', 'db-1.example:65535', '[::1]:2379']);
});

test('what is no endpoint is refused by name', () => {
  for (const text of [
    '',
    'localhost',
    ':2379',
    'h:0',
    'h:65536',
    'h:x',
    '::1:2379',
    'h:1/path',
    'a b:1',
    'u@h:1',
  ]) {
    assert.throws(() => parseEndpoint(text), { code: 'invalid-argument', message: /not an endpoint/ }, text);
  }
  assert.throws(() => parseEndpoint('unix://x:1'), {
    code: 'invalid-argument',
    message: /not an http endpoint/,
  });
});

test('https is refused until TLS exists', () => {
  assert.throws(() => parseEndpoint('https://h:2379'), {
    code: 'invalid-argument',
    message: /TLS is not supported/,
  });
});

test('several endpoints may be a list or one string, and count once each', () => {
  assert.equal(parseEndpoints('a:1, b:2,a:1,').length, 2);
  assert.equal(parseEndpoints(['a:1', 'http://a:1']).length, 1);
  assert.throws(() => parseEndpoints([]), { code: 'invalid-argument', message: 'no endpoint given' });
});

test('options that make no sense are refused by name', () => {
  const endpoints = 'a:1';
  for (const [name, options] of Object.entries({
    timeoutMs: { timeoutMs: 0 },
    callsMax: { callsMax: 1.5 },
    'retry.retriesMax': { retry: { retriesMax: -1 } },
    'keepalive.timeMs': { keepalive: { timeMs: 100 } },
    responseMaxBytes: { responseMaxBytes: Number.NaN },
  })) {
    assert.throws(() => toSettings({ endpoints, ...options }), {
      code: 'invalid-argument',
      message: new RegExp(`^${name} must be an integer`),
    });
  }
});
