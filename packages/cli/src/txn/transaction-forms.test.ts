import assert from 'node:assert/strict';
import test from 'node:test';
import { compare, exists, missing, operation } from '@quorate/client';
import { parseTransactionJson } from './json-form.ts';
import { parseTransactionText } from './text-form.ts';

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, each: unknown) => {
      if (each instanceof Uint8Array || (typeof each === 'object' && each !== null && 'type' in each)) {
        return Buffer.from(each as Uint8Array).toString('hex');
      }
      return typeof each === 'bigint' ? String(each) : each;
    }),
  );

const expected = {
  conditions: [
    compare('color', 'value', '=', 'blue'),
    compare('color', 'version', '>', 2),
    compare('color', 'modRevision', '!=', 7),
    compare('color', 'createRevision', '<', 9),
    compare('color', 'lease', '=', 0n),
    exists('a'),
    missing('lock'),
  ],
  success: [
    operation.put('color', 'dark red'),
    operation.get('color'),
    operation.range({ prefix: 'col' }),
    operation.range({ from: 'a', to: 'b' }),
    operation.delete('old'),
  ],
  failure: [operation.deleteRange({ from: 'z' }), operation.put('bytes', Uint8Array.of(0xff, 0))],
};

test('a transaction is read as people write it', () => {
  const text = `
    if:                       # a colon is allowed
      value color = blue
      version color > 2
      mod color != 7
      create color < 9
      lease color = 0
      exists a
      missing lock
    then
      put color "dark red"
      get color
      get --prefix col
      get a b
      del old
    else
      del --from-key z
      put bytes "\\xff\\x00"
  `;
  assert.deepEqual(plain(parseTransactionText(text)), plain(expected));
});

test('a transaction is read as programs write it', () => {
  const text = `{
    "if": [
      { "key": "color", "compare": "value", "is": "=", "to": "blue" },
      { "key": "color", "compare": "version", "is": ">", "to": 2 },
      { "key": "color", "compare": "mod", "is": "!=", "to": 7 },
      { "key": "color", "compare": "create", "is": "<", "to": 9 },
      { "key": "color", "compare": "lease", "is": "=", "to": 0 },
      { "exists": "a" },
      { "missing": "lock" }
    ],
    "then": [
      { "put": { "key": "color", "value": "dark red" } },
      { "get": { "key": "color" } },
      { "get": { "prefix": "col" } },
      { "get": { "from": "a", "to": "b" } },
      { "delete": { "key": "old" } }
    ],
    "else": [{ "delete": { "from": "z" } }, { "put": { "key": "bytes", "value": { "base64": "/wA=" } } }]
  }`;
  assert.deepEqual(plain(parseTransactionJson(text)), plain(expected));
});

test('a quoted word is never a keyword, an option or an operator', () => {
  const { success } = parseTransactionText('get "--prefix"\nput "then" "put"');
  assert.deepEqual(plain(success), plain([operation.get('--prefix'), operation.put('then', 'put')]));
});

test('mistakes are told with their line', () => {
  for (const [text, message] of [
    ['if\n value color blue', /^line 2: this is no condition$/],
    ['if\n value color ~ blue', /^line 2: "~" is no comparison$/],
    ['if\n version color = many', /^line 2: "many" is no whole number$/],
    ['\n\nfetch color', /^line 3: "fetch" is no operation of a transaction$/],
    ['put a', /^line 1: write put KEY VALUE$/],
    ['get a b c', /^line 1: write a key, a key and an end/],
    ['get --prefix a b', /^line 1: write a key, a key and an end/],
    ['get --suffix a', /^line 1: --suffix is not known here$/],
    ['get b a', /^line 1: the range is empty/],
    ['put "a b', /^line 1: the quote " is not closed$/],
  ] as const) {
    assert.throws(() => parseTransactionText(text), { exitCode: 2, message }, text);
  }
});

test('mistakes in JSON are told with their place', () => {
  for (const [text, message] of [
    ['{', /^this is no JSON/],
    ['{"then":{}}', /^then must be a list$/],
    ['{"when":[]}', /^the transaction has no field "when"$/],
    ['{"then":[{"put":{"key":"a"}}]}', /^then\[0\]\.put\.value must be a string or/],
    ['{"then":[{"put":{"key":"a","value":"b"},"get":{}}]}', /^then\[0\] must have one of/],
    ['{"if":[{"key":"a","compare":"size","is":"=","to":1}]}', /^if\[0\]\.compare must be value/],
    ['{"if":[{"key":"a","compare":"version","is":"~","to":1}]}', /^not a comparison: "~"/],
    ['{"then":[{"txn":{"then":[{"get":5}]}}]}', /^then\[0\]\.get must be an object$/],
  ] as const) {
    assert.throws(() => parseTransactionJson(text), { exitCode: 2, message }, text);
  }
});
