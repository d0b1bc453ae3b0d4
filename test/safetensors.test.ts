import { mkdtemp, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { dtypeBits, dtypes } from '../lib/checkpoint/dtypes.js'
import { Safetensors } from '../lib/checkpoint/safetensors.js'
import { layoutSafetensors } from '../lib/checkpoint/safetensors-layout.js'
import { saveSafetensors } from '../lib/checkpoint/safetensors-write.js'
import { type ErrorCode, TwofourError } from '../lib/errors.js'

let directory = ''
let count = 0
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'twofour-safetensors-'))
})
test.after.always(() => rm(directory, { recursive: true }))

async function put(bytes: Uint8Array | string): Promise<string> {
  const file = join(directory, `${count++}.safetensors`)
  await writeFile(file, bytes)
  return file
}

/** A file of this header, unpadded, and so many bytes of data. */
function bytesOf(header: string | Uint8Array, dataBytes = 0): Buffer {
  const json = Buffer.from(header as string)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(dataBytes, 7)])
}

async function open(header: string | Uint8Array, dataBytes = 0): Promise<Safetensors> {
  return Safetensors.open(await put(bytesOf(header, dataBytes)))
}

async function refused(
  t: { fail: (message: string) => Error },
  work: Promise<unknown>,
): Promise<TwofourError> {
  const error = await work.then(
    () => t.fail('it was accepted'),
    (reason: unknown) => reason,
  )
  if (error instanceof TwofourError) return error
  throw error
}

const record = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`
const u8 = (begin: number, end: number) => record('"U8"', `[${end - begin}]`, `[${begin},${end}]`)
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

test('a file says its tensors, metadata and sizes', async (t) => {
  const header = `{"__metadata__":{"format":"pt"},"w":${record('"F32"', '[2,3]', '[0,24]')}}`
  const opened = await open(header, 24)
  t.deepEqual([...opened.tensors], [['w', { dtype: 'F32', shape: [2, 3], begin: 0, end: 24 }]])
  t.deepEqual([...opened.metadata], [['format', 'pt']])
  t.is(opened.headerBytes, header.length)
  t.is(opened.dataOffset, header.length + 8)
  t.is(opened.size, header.length + 32)
  t.true(opened.ino > 0 && opened.mtimeMs > 0)
})

test('a published checkpoint opens', async (t) => {
  const file = fileURLToPath(new URL('./golden/bert-base/model.safetensors', import.meta.url))
  const { tensors, size, dataOffset } = await Safetensors.open(file)
  t.true(tensors.size > 30)
  t.is(Math.max(...[...tensors.values()].map(({ end }) => end)) + dataOffset, size)
})

test('every dtype is read, with its width', async (t) => {
  t.is(dtypes.length, 22)
  for (const dtype of dtypes) {
    const bytes = dtypeBits[dtype] // eight elements
    const { tensors } = await open(`{"a":${record(`"${dtype}"`, '[8]', `[0,${bytes}]`)}}`, bytes)
    t.is(tensors.get('a')?.dtype, dtype)
  }
})

const accepted: [title: string, header: string, dataBytes: number, names: string[]][] = [
  ['an empty object', '{}', 0, []],
  ['blanks around the header', ` \t\r\n{"a":${u8(0, 1)}}\n\r\t   `, 1, ['a']],
  ['blanks inside the header', `{ "a"\n:\t${u8(0, 1).replaceAll(',', ' ,\r\n')} }`, 1, ['a']],
  ['a scalar', `{"a":${record('"F32"', '[]', '[0,4]')}}`, 4, ['a']],
  ['a zero-size tensor', `{"a":${record('"F32"', '[3,0,5]', '[0,0]')}}`, 0, ['a']],
  [
    'a size that a later 0 makes nothing of',
    `{"a":${record('"U8"', '[0,4294967296,8]', '[0,0]')}}`,
    0,
    ['a'],
  ],
  [
    'zero-size tensors between others',
    `{"c":${u8(2, 4)},"b":${u8(2, 2)},"a":${u8(0, 2)},"d":${u8(4, 4)}}`,
    4,
    ['c', 'b', 'a', 'd'],
  ],
  ['header order other than offset order', `{"b":${u8(3, 5)},"a":${u8(0, 3)}}`, 5, ['b', 'a']],
  ['data that is not aligned', `{"a":${u8(0, 1)},"b":${record('"F64"', '[1]', '[1,9]')}}`, 9, ['a', 'b']],
  ['two 4-bit elements in a byte', `{"a":${record('"F4"', '[2]', '[0,1]')}}`, 1, ['a']],
  ['four 6-bit elements in three bytes', `{"a":${record('"F6_E2M3"', '[2,2]', '[0,3]')}}`, 3, ['a']],
  ['the name __proto__', `{"__proto__":${u8(0, 1)}}`, 1, ['__proto__']],
  ['the name constructor', `{"constructor":${u8(0, 1)}}`, 1, ['constructor']],
  ['the empty name', `{"":${u8(0, 1)}}`, 1, ['']],
  ['a name with NUL', `{"a\\u0000b":${u8(0, 1)}}`, 1, ['a\u0000b']],
  ['an escaped pair of surrogates', `{"\\ud83d\\ude00":${u8(0, 1)}}`, 1, ['😀']],
  ['every short escape', `{"\\"\\\\\\/\\b\\f\\n\\r\\t":${u8(0, 1)}}`, 1, ['"\\/\b\f\n\r\t']],
  ['a name with DEL and a line separator', `{"\u007f\u2028":${u8(0, 1)}}`, 1, ['\u007f\u2028']],
  ['a name of 64 KiB', `{"${'n'.repeat(65536)}":${u8(0, 1)}}`, 1, ['n'.repeat(65536)]],
  [
    'names that differ in normal form',
    `{"\u00e9":${u8(0, 1)},"e\u0301":${u8(1, 2)}}`,
    2,
    ['\u00e9', 'e\u0301'],
  ],
  ['64 dimensions', `{"a":${record('"U8"', `[${Array(64).fill(1)}]`, '[0,1]')}}`, 1, ['a']],
  ['__metadata__ null', `{"__metadata__":null,"a":${u8(0, 1)}}`, 1, ['a']],
  ['__metadata__ empty', `{"__metadata__":{}}`, 0, []],
  ['__metadata__ last', `{"a":${u8(0, 1)},"__metadata__":{"shape":"x","dtype":"y"}}`, 1, ['a']],
  [
    'an unknown field',
    `{"a":{"x":-1.5e3,"dtype":"U8","shape":[1],"y":null,"data_offsets":[0,1],"z":"F4"}}`,
    1,
    ['a'],
  ],
  [
    'an unknown field of objects',
    `{"a":{"x":{"shape":[{"dtype":[-1]}],"shape":1},"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`,
    1,
    ['a'],
  ],
  ['fields in any order', `{"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}}`, 1, ['a']],
  [
    'escapes in fields and dtype',
    `{"a":{"dt\\u0079pe":"\\u00558","shape":[1],"data_offsets":[0,1]}}`,
    1,
    ['a'],
  ],
  ['nesting of 128', `{"a":{"x":${nested(126)},"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, ['a']],
]

for (const [title, header, dataBytes, names] of accepted) {
  test(`the reader accepts ${title}`, async (t) => {
    const { tensors } = await open(header, dataBytes)
    t.deepEqual([...tensors.keys()], names)
  })
}

test('metadata keeps hostile keys', async (t) => {
  const { metadata } = await open('{"__metadata__":{"__proto__":"a","":"b","constructor":"c","\\u0000":"d"}}')
  t.deepEqual(
    [...metadata],
    [
      ['__proto__', 'a'],
      ['', 'b'],
      ['constructor', 'c'],
      ['\u0000', 'd'],
    ],
  )
})

test('the bytes of a tensor are read from its range', async (t) => {
  const file = join(directory, 'read.safetensors')
  const values = Float32Array.of(1, -2, 3.5)
  await saveSafetensors(file, [
    { name: 'byte', dtype: 'U8', shape: [], data: Uint8Array.of(9) },
    { name: 'values', dtype: 'F32', shape: [3], data: values },
    { name: 'none', dtype: 'F64', shape: [0], data: new Float64Array() },
  ])
  const opened = await Safetensors.open(file)
  t.deepEqual(opened.metadata, new Map([['format', 'pt']]))
  t.deepEqual(new Float32Array((await opened.read('values')).buffer), values)
  t.deepEqual(await opened.read('byte'), Uint8Array.of(9))
  t.is((await opened.read('none')).length, 0)
  await t.throwsAsync(opened.read('value'), {
    instanceOf: RangeError,
    message: /Expected `name` to be a tensor/,
  })
})

/** What grows with the square of their number would not end in time. */
test('a header of 100,000 tensors is read', async (t) => {
  const entries = Array.from(
    { length: 100_000 },
    (_, i) => `"layer.${i}.weight":${record('"U8"', '[1,1]', `[${i},${i + 1}]`)}`,
  )
  const { tensors } = await open(`{${entries}}`, 100_000)
  t.is(tensors.size, 100_000)
})

const deserialization = 'SAFETENSORS_INVALID_HEADER_DESERIALIZATION'
const offset = 'SAFETENSORS_INVALID_OFFSET'
const overflow = 'SAFETENSORS_VALIDATION_OVERFLOW'
const size = 'SAFETENSORS_TENSOR_INVALID_INFO'
const incomplete = 'SAFETENSORS_METADATA_INCOMPLETE_BUFFER'
const limit = 'SAFETENSORS_LIMIT_EXCEEDED'
const duplicate = 'SAFETENSORS_DUPLICATE_TENSOR'
const notUtf8 = 'SAFETENSORS_INVALID_HEADER'

function length(n: bigint, rest = ''): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(n)
  return Buffer.concat([bytes, Buffer.from(rest)])
}

const one = u8(0, 1)
const good = `{"a":${one}}`
const named = (hex: string) =>
  Buffer.concat([Buffer.from('{"'), Buffer.from(hex, 'hex'), Buffer.from(`":${one}}`)])
const withShape = (shape: string, end: string | number = 1) => `{"a":${record('"U8"', shape, `[0,${end}]`)}}`
const withOffsets = (offsets: string) => `{"a":${record('"U8"', '[1]', offsets)}}`
const extra = (json: string) => `{"a":${one.slice(0, -1)},"x":${json}}}`
const two63 = '9223372036854775808'
const maxU64 = '18446744073709551615'

const lengths: [title: string, bytes: Buffer, code: ErrorCode][] = [
  ['an empty file', Buffer.alloc(0), 'SAFETENSORS_HEADER_TOO_SMALL'],
  ['seven bytes', Buffer.alloc(7), 'SAFETENSORS_HEADER_TOO_SMALL'],
  ['a length of 100,000,001', length(100_000_001n, good), 'SAFETENSORS_HEADER_TOO_LARGE'],
  ['a length of 2^63', length(2n ** 63n, good), 'SAFETENSORS_HEADER_TOO_LARGE'],
  ['a length of 2^64 − 1', length(2n ** 64n - 1n, good), 'SAFETENSORS_HEADER_TOO_LARGE'],
  [
    'a length of 100,000,000 in a short file',
    length(100_000_000n, good),
    'SAFETENSORS_INVALID_HEADER_LENGTH',
  ],
  ['a length one past the end', length(3n, '{}'), 'SAFETENSORS_INVALID_HEADER_LENGTH'],
  ['a length with nothing after it', length(1n), 'SAFETENSORS_INVALID_HEADER_LENGTH'],
  ['a length of 0', length(0n), deserialization],
]

const headers: [title: string, header: string | Uint8Array, dataBytes: number, code: ErrorCode][] = [
  ['a stray continuation byte', named('80'), 1, notUtf8],
  ['an overlong slash', named('c0af'), 1, notUtf8],
  ['an overlong NUL', named('c080'), 1, notUtf8],
  ['an overlong form of three bytes', named('e080af'), 1, notUtf8],
  ['an encoded surrogate', named('eda080'), 1, notUtf8],
  ['an encoded pair of surrogates', named('eda0bdedb880'), 1, notUtf8],
  ['a code point above U+10FFFF', named('f4908080'), 1, notUtf8],
  ['a cut sequence at the end', Buffer.concat([Buffer.from(good), Buffer.from('e282', 'hex')]), 1, notUtf8],
  ['UTF-16', Buffer.from(`\ufeff${good}`, 'utf16le'), 1, notUtf8],
  ['bad UTF-8 after bad JSON', Buffer.concat([Buffer.from('{,'), Buffer.from('ff', 'hex')]), 0, notUtf8],

  ['blanks only', '   \n', 0, deserialization],
  ['a byte order mark', `\ufeff${good}`, 1, deserialization],
  ['a byte order mark after a blank', ` \ufeff${good}`, 1, deserialization],
  ['a no-break space', `\u00a0${good}`, 1, deserialization],
  ['a vertical tab and a form feed', `\u000b${good}\f`, 1, deserialization],
  ['a line comment', `${good}// x`, 1, deserialization],
  ['a block comment', `/* x */${good}`, 1, deserialization],
  ['a comment inside', `{/**/"a":${one}}`, 1, deserialization],
  ['an open comment', `${good}/*`, 1, deserialization],
  ['a slash', `${good}/`, 1, deserialization],
  ['a trailing comma', `{"a":${one},}`, 1, deserialization],
  ['a trailing comma in a record', `{"a":${one.slice(0, -1)},}}`, 1, deserialization],
  ['a trailing comma in a shape', withShape('[1,]'), 1, deserialization],
  ['a leading comma', `{,"a":${one}}`, 1, deserialization],
  ['a lone comma', '{,}', 0, deserialization],
  ['a double comma', withShape('[1,,1]'), 1, deserialization],
  ['a missing comma between tensors', `{"a":${one} "b":${u8(1, 2)}}`, 2, deserialization],
  ['a missing comma in a shape', withShape('[1 1]'), 1, deserialization],
  ['a missing colon', `{"a"${one}}`, 1, deserialization],
  ['a double colon', `{"a"::${one}}`, 1, deserialization],
  ['a semicolon', `{"a";${one}}`, 1, deserialization],
  ['a key without a value', '{"a":}', 0, deserialization],
  ['a key alone', '{"a"}', 0, deserialization],
  ['single quotes', `{'a':${one}}`, 1, deserialization],
  ['a bare key', `{a:${one}}`, 1, deserialization],
  ['two objects', `${good}{}`, 1, deserialization],
  ['two objects with a blank between', `${good} ${good}`, 1, deserialization],
  ['something after the object', `${good}x`, 1, deserialization],
  ['a closing brace too many', `${good}}`, 1, deserialization],
  ['a closing brace too few', good.slice(0, -1), 1, deserialization],
  ['a wrong closing bracket', `{"a":${one.slice(0, -1)}]}`, 1, deserialization],
  ['NUL padding', `${good}\0\0`, 1, deserialization],
  ['NUL before', `\0${good}`, 1, deserialization],
  ['a list', '[]', 0, deserialization],
  ['a string', '"a"', 0, deserialization],
  ['a number', '1', 0, deserialization],
  ['null', 'null', 0, deserialization],
  ['a word', 'nul', 0, deserialization],
  ['NaN', extra('NaN'), 1, deserialization],
  ['an unfinished string', '{"a', 0, deserialization],
  ['a string with a line feed', `{"a\n":${one}}`, 1, deserialization],
  ['a string with a carriage return', `{"a\r":${one}}`, 1, deserialization],
  ['a string with a tab', `{"a\t":${one}}`, 1, deserialization],
  ['a string with NUL', `{"a\0":${one}}`, 1, deserialization],
  ['a string with U+001F', `{"a\u001f":${one}}`, 1, deserialization],
  ['a control character in an ignored string', extra('"\u0001"'), 1, deserialization],
  ['an unknown escape', `{"\\x":${one}}`, 1, deserialization],
  ['a short unicode escape', `{"\\u12":${one}}`, 1, deserialization],
  ['a unicode escape with a sign', `{"\\u+041":${one}}`, 1, deserialization],
  ['a unicode escape in capitals', `{"\\U0041":${one}}`, 1, deserialization],
  ['a lone high surrogate', `{"\\ud800":${one}}`, 1, deserialization],
  ['a lone low surrogate', `{"\\udc00x":${one}}`, 1, deserialization],
  ['surrogates in the wrong order', `{"\\udc00\\ud800":${one}}`, 1, deserialization],
  ['a lone surrogate in metadata', '{"__metadata__":{"a":"\\ud800"}}', 0, deserialization],
  ['a lone surrogate as a key of metadata', '{"__metadata__":{"\\ud800":"a"}}', 0, deserialization],
  ['a lone surrogate in an ignored string', extra('"\\ud800"'), 1, deserialization],
  ['a lone surrogate in an ignored key', extra('{"\\ud800":1}'), 1, deserialization],
  ['nesting of 129', extra(nested(127)), 1, deserialization],
  ['nesting of 129 objects', extra(`${'{"x":'.repeat(126)}{}${'}'.repeat(126)}`), 1, deserialization],
  ['nesting of 100,000', extra(nested(100_000)), 1, deserialization],
  ['nesting that never ends', '['.repeat(100_000), 0, deserialization],

  ['a negative size', withShape('[-1]'), 1, deserialization],
  ['-0', withShape('[-0]', 0), 0, deserialization],
  ['a plus sign', withShape('[+1]'), 1, deserialization],
  ['a fraction', withShape('[1.0]'), 1, deserialization],
  ['an open fraction', withShape('[1.]'), 1, deserialization],
  ['a fraction without a whole', withShape('[.5]'), 1, deserialization],
  ['an exponent', withShape('[1e0]'), 1, deserialization],
  ['an exponent in capitals', withShape('[1E0]'), 1, deserialization],
  ['an open exponent', withShape('[1e]'), 1, deserialization],
  ['a leading zero', withShape('[01]'), 1, deserialization],
  ['two zeros', withShape('[00]', 0), 0, deserialization],
  ['a hexadecimal number', withShape('[0x1]'), 1, deserialization],
  ['a number with underscores', withShape('[1_0]', 10), 10, deserialization],
  ['a size as a string', withShape('["1"]'), 1, deserialization],
  ['a size null', withShape('[null]'), 1, deserialization],
  ['a size true', withShape('[true]'), 1, deserialization],
  ['a size as a list', withShape('[[1]]'), 1, deserialization],
  ['a size as an object', withShape('[{}]'), 1, deserialization],
  ['a size of 2^64', withShape('[18446744073709551616]'), 1, deserialization],
  ['a size of many digits', withShape(`[1${'0'.repeat(100_000)}]`), 1, deserialization],
  ['an offset of 2^64', withOffsets('[0,18446744073709551616]'), 1, deserialization],
  ['a negative offset', withOffsets('[-1,0]'), 1, deserialization],
  ['an offset with an exponent', withOffsets('[0,1e0]'), 1, deserialization],
  ['an offset with a fraction', withOffsets('[0.0,1]'), 1, deserialization],
  ['an offset as a string', withOffsets('["0",1]'), 1, deserialization],
  ['an offset -0', withOffsets('[-0,1]'), 1, deserialization],
  ['one offset', withOffsets('[0]'), 1, deserialization],
  ['no offset', withOffsets('[]'), 1, deserialization],
  ['three offsets', withOffsets('[0,1,1]'), 1, deserialization],
  ['offsets as an object', withOffsets('{"begin":0,"end":1}'), 1, deserialization],
  ['offsets as a number', withOffsets('1'), 1, deserialization],
  ['offsets null', withOffsets('null'), 1, deserialization],
  ['a shape as a number', withShape('1'), 1, deserialization],
  ['a shape as a string', withShape('"[1]"'), 1, deserialization],
  ['a shape null', withShape('null'), 1, deserialization],
  ['a shape as an object', withShape('{"0":1}'), 1, deserialization],

  ['a record as a list', '{"a":["U8",[1],[0,1]]}', 1, deserialization],
  ['a record null', '{"a":null}', 0, deserialization],
  ['a record as a string', '{"a":"U8"}', 0, deserialization],
  ['a record as a number', '{"a":1}', 0, deserialization],
  ['a record without fields', '{"a":{}}', 0, deserialization],
  ['a record without dtype', '{"a":{"shape":[1],"data_offsets":[0,1]}}', 1, deserialization],
  ['a record without shape', '{"a":{"dtype":"U8","data_offsets":[0,1]}}', 1, deserialization],
  ['a record without data_offsets', '{"a":{"dtype":"U8","shape":[1]}}', 1, deserialization],
  ['dtype twice', '{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1, deserialization],
  ['shape twice', '{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}', 1, deserialization],
  [
    'data_offsets twice',
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]}}',
    1,
    deserialization,
  ],
  [
    'shape twice through an escape',
    '{"a":{"dtype":"U8","shape":[1],"\\u0073hape":[1],"data_offsets":[0,1]}}',
    1,
    deserialization,
  ],
  [
    'an unknown field twice',
    '{"a":{"x":1,"x":1,"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    1,
    deserialization,
  ],
  ['an unknown dtype', `{"a":${record('"F128"', '[1]', '[0,16]')}}`, 16, deserialization],
  ['a dtype in small letters', `{"a":${record('"u8"', '[1]', '[0,1]')}}`, 1, deserialization],
  ['a dtype with a blank', `{"a":${record('"U8 "', '[1]', '[0,1]')}}`, 1, deserialization],
  ['an empty dtype', `{"a":${record('""', '[1]', '[0,1]')}}`, 1, deserialization],
  ['the dtype __proto__', `{"a":${record('"__proto__"', '[1]', '[0,1]')}}`, 1, deserialization],
  ['the dtype toString', `{"a":${record('"toString"', '[1]', '[0,1]')}}`, 1, deserialization],
  ['a dtype null', `{"a":${record('null', '[1]', '[0,1]')}}`, 1, deserialization],
  ['a dtype as a number', `{"a":${record('8', '[1]', '[0,1]')}}`, 1, deserialization],
  ['a dtype as an object', `{"a":${record('{"U8":null}', '[1]', '[0,1]')}}`, 1, deserialization],
  ['a dtype as a list', `{"a":${record('["U8"]', '[1]', '[0,1]')}}`, 1, deserialization],
  ['__metadata__ twice', `{"__metadata__":{},"__metadata__":{},"a":${one}}`, 1, deserialization],
  ['__metadata__ null and then an object', `{"__metadata__":null,"__metadata__":{}}`, 0, deserialization],
  ['__metadata__ twice through an escape', `{"__metadata__":{},"\\u005f_metadata__":{}}`, 0, deserialization],
  ['__metadata__ as a list', '{"__metadata__":[]}', 0, deserialization],
  ['__metadata__ as a string', '{"__metadata__":"pt"}', 0, deserialization],
  ['__metadata__ false', '{"__metadata__":false}', 0, deserialization],
  ['__metadata__ with a number', '{"__metadata__":{"a":1}}', 0, deserialization],
  ['__metadata__ with null', '{"__metadata__":{"a":null}}', 0, deserialization],
  ['__metadata__ with an object', '{"__metadata__":{"a":{}}}', 0, deserialization],
  ['__metadata__ with a list', '{"__metadata__":{"a":[]}}', 0, deserialization],
  ['__metadata__ with a list named shape', '{"__metadata__":{"shape":[1]}}', 0, deserialization],
  ['a tensor as __metadata__', `{"__metadata__":${one}}`, 1, deserialization],

  ['a name twice with equal ranges', `{"a":${one},"a":${one}}`, 1, duplicate],
  ['a name twice with other ranges', `{"a":${one},"a":${u8(1, 2)}}`, 2, duplicate],
  ['a name twice through an escape', `{"a":${one},"\\u0061":${one}}`, 1, duplicate],
  ['the name __proto__ twice', `{"__proto__":${one},"__proto__":${one}}`, 1, duplicate],
  ['the empty name twice', `{"":${one},"":${one}}`, 1, duplicate],
  ['a metadata key twice', '{"__metadata__":{"a":"1","a":"1"}}', 0, 'SAFETENSORS_DUPLICATE_KEY'],
  [
    'a metadata key twice through an escape',
    '{"__metadata__":{"a":"1","\\u0061":"2"}}',
    0,
    'SAFETENSORS_DUPLICATE_KEY',
  ],
  [
    'the metadata key __proto__ twice',
    '{"__metadata__":{"__proto__":"1","__proto__":"2"}}',
    0,
    'SAFETENSORS_DUPLICATE_KEY',
  ],

  ['65 dimensions', withShape(`[${Array(65).fill(1)}]`), 1, limit],
  ['a name over 64 KiB', `{"${'n'.repeat(65537)}":${one}}`, 1, limit],
  ['a name over 64 KiB in UTF-8 only', `{"${'é'.repeat(32769)}":${one}}`, 1, limit],
  ['a zero-size tensor with a size above 2^53', withShape('[0,9007199254740993]', 0), 0, limit],
  ['five million blanks in a row', `{${' '.repeat(5_000_000)}}`, 0, limit],
  ['five million escapes in a string', `{"__metadata__":{"a":"${'\\n'.repeat(5_000_000)}"}}`, 0, limit],

  ['a hole at the start', `{"a":${u8(1, 2)}}`, 2, offset],
  ['a hole between', `{"a":${u8(0, 2)},"b":${u8(3, 5)}}`, 5, offset],
  ['an overlap', `{"a":${u8(0, 3)},"b":${u8(2, 5)}}`, 5, offset],
  ['a range inside another', `{"a":${u8(0, 4)},"b":${u8(1, 2)}}`, 4, offset],
  ['a range used twice', `{"a":${one},"b":${one}}`, 1, offset],
  [
    'a range that ends before it begins',
    `{"b":${u8(0, 4)},"a":${record('"U8"', '[0]', '[4,2]')}}`,
    4,
    offset,
  ],
  ['a zero-size tensor inside another', `{"a":${u8(0, 4)},"b":${u8(2, 2)}}`, 4, offset],
  ['a zero-size tensor past the end', `{"a":${u8(0, 4)},"b":${u8(9, 9)}}`, 4, offset],
  [
    'offsets that only rounding joins',
    `{"a":${record('"U8"', '[9007199254740992]', '[0,9007199254740992]')},"b":${record('"U8"', '[0]', '[9007199254740993,9007199254740993]')}}`,
    0,
    offset,
  ],

  ['elements that overflow', withShape('[4294967296,4294967296]'), 1, overflow],
  ['elements that overflow before a 0', withShape(`[${two63},2,0]`, 0), 0, overflow],
  ['bits that overflow', withShape('[2305843009213693952]'), 1, overflow],
  [
    'bits of wide elements that overflow',
    `{"a":${record('"F64"', '[288230376151711744]', '[0,1]')}}`,
    1,
    overflow,
  ],
  ['64 sizes of 2^64 − 1', withShape(`[${Array(64).fill(maxU64)}]`), 1, overflow],
  ['half a byte', `{"a":${record('"F4"', '[1]', '[0,1]')}}`, 1, 'SAFETENSORS_MISALIGNED_SLICE'],
  ['six bits', `{"a":${record('"F6_E3M2"', '[1]', '[0,1]')}}`, 1, 'SAFETENSORS_MISALIGNED_SLICE'],
  ['eighteen bits', `{"a":${record('"F6_E2M3"', '[3]', '[0,3]')}}`, 3, 'SAFETENSORS_MISALIGNED_SLICE'],
  ['a range too short', `{"a":${record('"F32"', '[2]', '[0,4]')}}`, 4, size],
  ['a range too long', `{"a":${record('"F32"', '[2]', '[0,12]')}}`, 12, size],
  ['a scalar without bytes', `{"a":${record('"F32"', '[]', '[0,0]')}}`, 0, size],
  ['a zero-size tensor with bytes', `{"a":${record('"F32"', '[0]', '[0,4]')}}`, 4, size],
  ['sizes that rounding makes equal', withShape('[9007199254740992]', '9007199254740993'), 1, size],

  ['a file cut short', good, 0, incomplete],
  ['a byte at the end', good, 2, incomplete],
  ['data without tensors', '{}', 1, incomplete],
  [
    '9007199254740993 bytes, said exactly',
    withShape('[9007199254740993]', '9007199254740993'),
    1,
    incomplete,
  ],
  ['2^61 − 1 bytes', withShape('[2305843009213693951]', '2305843009213693951'), 1, incomplete],

  ['a bad name before a hole', `{"a":${u8(1, 2)},"a":${u8(1, 2)}}`, 2, duplicate],
  ['bad JSON at the end after a hole', `{"a":${u8(1, 2)},}`, 2, deserialization],
  [
    'an unknown dtype after an overflow',
    `{"a":${record('"U8"', `[${two63},2]`, '[0,1]')},"b":${record('"X"', '[]', '[1,2]')}}`,
    2,
    deserialization,
  ],
  [
    'a limit before an overlap',
    `{"a":${one},"b":${record('"U8"', `[${Array(65).fill(1)}]`, '[0,1]')}}`,
    1,
    limit,
  ],
  ['a hole after an overflow', `{"a":${record('"U8"', `[${two63},2]`, '[0,1]')},"b":${u8(2, 3)}}`, 3, offset],
  ['a hole after half a byte', `{"a":${record('"F4"', '[1]', '[0,1]')},"b":${u8(2, 3)}}`, 3, offset],
  ['a wrong size in a file cut short', `{"a":${record('"F32"', '[2]', '[0,4]')}}`, 0, size],
  ['an overflow in a file cut short', withShape(`[${two63},2]`), 0, overflow],
  [
    'half a byte of a wrong range',
    `{"a":${record('"F4"', '[1]', '[0,9]')}}`,
    9,
    'SAFETENSORS_MISALIGNED_SLICE',
  ],
  [
    'an absurd zero-size tensor in a file cut short',
    `{"z":${record('"U8"', '[0,9007199254740993]', '[0,0]')},"a":${one}}`,
    0,
    incomplete,
  ],
]

for (const [title, bytes, code] of lengths) {
  test(`the reader refuses ${title}`, async (t) => {
    const error = await refused(t, Safetensors.open(await put(bytes)))
    t.is(error.code, code)
  })
}

for (const [title, header, dataBytes, code] of headers) {
  test(`the reader refuses in a header: ${title}`, async (t) => {
    const error = await refused(t, open(header, dataBytes))
    t.is(error.code, code, error.message)
    t.regex(error.message, /^Expected `.*` to be .*, got .*\.$/s)
    t.true(error.message.length < 600)
  })
}

test('the first tensor after a million is refused', async (t) => {
  const entry = (i: number) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`
  const entries = Array.from({ length: 1_000_002 }, (_, i) => entry(i)).join()
  const error = await refused(t, open(`{${entries}}`))
  t.is(error.code, limit)
  t.is(error.facts.tensor, '1000000')
})

const lookalikes: [bytes: Uint8Array | string, code: ErrorCode, what: RegExp][] = [
  [
    'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
    'SAFETENSORS_HEADER_TOO_LARGE',
    /git-lfs pointer.*git lfs pull/,
  ],
  ['<!DOCTYPE html><html>', 'SAFETENSORS_HEADER_TOO_LARGE', /HTML page/],
  ['\n<html lang="en">', 'SAFETENSORS_HEADER_TOO_LARGE', /HTML page/],
  ['PK\x03\x04\x14\0\0\0rest of it', 'SAFETENSORS_HEADER_TOO_LARGE', /zip archive.*safe_serialization/],
  [Buffer.from('80028a0a6cfc9c46f9206aa85019', 'hex'), 'SAFETENSORS_HEADER_TOO_LARGE', /Python pickle/],
  [Buffer.from('80027d712e', 'hex'), 'SAFETENSORS_HEADER_TOO_SMALL', /Python pickle/],
  ['GGUF\x03\0\0\0\x01\0\0\0', 'SAFETENSORS_HEADER_TOO_LARGE', /GGUF/],
  [gzipSync('a model'), 'SAFETENSORS_INVALID_HEADER_LENGTH', /gzip file/],
  [Buffer.concat([gzipSync('a model'), Buffer.alloc(600_000)]), notUtf8, /gzip file/],
  [Buffer.from('894844460d0a1a0a', 'hex'), 'SAFETENSORS_HEADER_TOO_LARGE', /HDF5/],
  ['{"model_type": "bert"}', 'SAFETENSORS_HEADER_TOO_LARGE', /got JSON/],
  ['{}', 'SAFETENSORS_HEADER_TOO_SMALL', /got JSON/],
]

for (const [bytes, code, what] of lookalikes) {
  test(`a file that is something else is named, and keeps its code: ${what.source}, ${bytes.length} bytes`, async (t) => {
    const error = await refused(t, Safetensors.open(await put(bytes)))
    t.is(error.code, code)
    t.regex(error.message, what)
  })
}

test('a header whose length looks like JSON is still a header', async (t) => {
  const header = `{}${' '.repeat(0x7b - 2)}`
  t.is((await open(header)).headerBytes, 0x7b)
  t.regex((await refused(t, open(header.replace('}', 'x')))).message, /strict JSON/)
})

test('what is no readable file is refused', async (t) => {
  t.is((await refused(t, Safetensors.open(join(directory, 'missing')))).code, 'FILE_NOT_FOUND')
  t.is((await refused(t, Safetensors.open(join(await put('x'), 'below')))).code, 'FILE_NOT_FOUND')
  t.is((await refused(t, Safetensors.open(directory))).code, 'FILE_UNREADABLE')
  t.is((await refused(t, Safetensors.open('/dev/null'))).code, 'FILE_UNREADABLE')
  await t.throwsAsync(Safetensors.open(''), { instanceOf: TypeError })
  await t.throwsAsync(Safetensors.open(7 as never), { instanceOf: TypeError })
  await t.throwsAsync(Safetensors.open('x', { sginal: 1 } as never), { instanceOf: TypeError })
})

test('an aborted signal rejects with its reason', async (t) => {
  const reason = new Error('enough')
  const file = await put(bytesOf('{}'))
  const error = await t.throwsAsync(Safetensors.open(file, { signal: AbortSignal.abort(reason) }))
  t.is(error, reason)
})

test('a file changed since it was opened is refused', async (t) => {
  const file = await put(bytesOf(good, 1))
  const opened = await Safetensors.open(file)
  await opened.checkUnchanged()
  await utimes(file, 1, 1)
  t.is((await refused(t, opened.checkUnchanged())).code, 'FILE_CHANGED')
  t.is((await refused(t, opened.read('a'))).code, 'FILE_CHANGED')
  await truncate(file, 9)
  t.is((await refused(t, opened.read('a'))).code, 'FILE_CHANGED')
  await rm(file)
  t.is((await refused(t, opened.read('a'))).code, 'FILE_NOT_FOUND')
})

test('a layout puts wide dtypes first, then names by code points, and pads the header', (t) => {
  const { header, entries } = layoutSafetensors([
    { name: 'b', dtype: 'F16', shape: [3] },
    { name: '\u{10000}', dtype: 'F32', shape: [1] },
    { name: '\uffff', dtype: 'F32', shape: [1] },
    { name: '10', dtype: 'I64', shape: [] },
    { name: '9', dtype: 'F64', shape: [2] },
    { name: '__proto__', dtype: 'BOOL', shape: [1] },
  ])
  t.deepEqual(
    entries.map(({ name, begin, end }) => [name, begin, end]),
    [
      ['10', 0, 8],
      ['9', 8, 24],
      ['\uffff', 24, 28],
      ['\u{10000}', 28, 32],
      ['b', 32, 38],
      ['__proto__', 38, 39],
    ],
  )
  t.is(header.length % 8, 0)
  t.true(Buffer.from(header).toString().slice(8).startsWith('{"__metadata__":{"format":"pt"},"10":'))
  t.deepEqual(layoutSafetensors([], {}).header, Uint8Array.from(Buffer.from('\x08\0\0\0\0\0\0\0{}      ')))
})

test('a layout refuses what a file cannot say', (t) => {
  const a = { name: 'a', dtype: 'U8', shape: [1] } as const
  const refuse = (tensors: unknown[], instanceOf: typeof RangeError | typeof TypeError) =>
    t.throws(() => layoutSafetensors(tensors as never), { instanceOf })
  refuse([a, a], RangeError)
  refuse([{ ...a, name: '__metadata__' }], RangeError)
  refuse([{ ...a, name: '\ud800' }], TypeError)
  refuse([{ ...a, name: 'n'.repeat(65537) }], RangeError)
  refuse([{ ...a, dtype: 'F128' }], TypeError)
  refuse([{ ...a, dtype: 'F4' }], RangeError)
  refuse([{ ...a, shape: [1.5] }], TypeError)
  refuse([{ ...a, shape: [-1] }], RangeError)
  refuse([{ ...a, shape: Array(65).fill(1) }], RangeError)
  refuse([{ ...a, shape: [2 ** 32, 2 ** 32] }], RangeError)
  refuse(
    [
      { ...a, shape: [2 ** 53 - 1] },
      { ...a, name: 'b' },
    ],
    RangeError,
  )
  t.throws(() => layoutSafetensors([], { a: '\udc00' }), { instanceOf: TypeError })
  t.throws(() => layoutSafetensors([], { a: 1 } as never), { instanceOf: TypeError })
})

test('saving refuses an array of another length than its shape', async (t) => {
  const file = join(directory, 'wrong.safetensors')
  const tensor = { name: 'a', dtype: 'F32', shape: [2] } as const
  await t.throwsAsync(saveSafetensors(file, [{ ...tensor, data: new Float32Array(3) }]), {
    instanceOf: RangeError,
  })
  await t.throwsAsync(saveSafetensors(file, [{ ...tensor, data: [1, 2] as never }]), {
    instanceOf: TypeError,
  })
  t.is((await refused(t, Safetensors.open(file))).code, 'FILE_NOT_FOUND')
})

test('saving notices an array that is taken away meanwhile', async (t) => {
  const file = join(directory, 'detached.safetensors')
  const data = new Float32Array(2)
  const saving = saveSafetensors(file, [{ name: 'a', dtype: 'F32', shape: [2], data }])
  structuredClone(data, { transfer: [data.buffer] })
  await t.throwsAsync(saving, { instanceOf: TypeError })
  t.is((await refused(t, Safetensors.open(file))).code, 'FILE_NOT_FOUND')
})
