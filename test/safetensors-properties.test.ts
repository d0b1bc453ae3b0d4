import test from 'ava'
import fc from 'fast-check'
import { type Dtype, dtypeBits, dtypes, tensorBits } from '../lib/checkpoint/dtypes.js'
import { type Header, parseHeader, parseHeaderLength } from '../lib/checkpoint/safetensors-header.js'
import { type Layout, layoutSafetensors, type TensorLabel } from '../lib/checkpoint/safetensors-layout.js'
import { TwofourError } from '../lib/errors.js'

const name = fc
  .oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('__proto__', '', 'a\u0000b', '1'),
  )
  .filter((text) => text !== '__metadata__')

const label: fc.Arbitrary<TensorLabel> = fc
  .record({ name, dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }) })
  .filter(({ dtype, shape }) => (tensorBits(dtype, shape) ?? 1n) % 8n === 0n)

const labels = fc.uniqueArray(label, { selector: (tensor) => tensor.name, maxLength: 12 })
const metadata = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), { maxKeys: 4 })

/** Parses a whole file. */
function parse(file: Uint8Array): Header {
  const length = parseHeaderLength(file.subarray(0, 8), file.length, 'it')
  return parseHeader(file.subarray(8, 8 + length), file.length, 'it')
}

/** The layout as a whole file, its data zeros. */
function fileOf({ header, entries }: Layout): Uint8Array {
  return Buffer.concat([header, Buffer.alloc(entries.at(-1)?.end ?? 0)])
}

/** Parses, and holds that it either gives legal ranges or is refused under a code of the format. */
function parsesOrRefuses(file: Uint8Array): boolean {
  try {
    const { tensors } = parse(file)
    return areLegal(tensors, file.length - 8 - Number(Buffer.from(file).readBigUInt64LE()))
  } catch (error) {
    if (error instanceof TwofourError && error.code.startsWith('SAFETENSORS_')) return true
    throw error
  }
}

function areLegal(tensors: Header['tensors'], dataBytes: number): boolean {
  const sorted = [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let end = 0
  for (const entry of sorted) {
    const bits = entry.shape.reduce((product, size) => product * size, dtypeBits[entry.dtype])
    if (entry.begin !== end || (entry.end - entry.begin) * 8 !== bits) return false
    end = entry.end
  }
  return end === dataBytes
}

test('what the writer lays out, the reader reads back', (t) => {
  const property = fc.property(labels, metadata, (tensors, texts) => {
    const layout = layoutSafetensors(tensors, texts)
    const { header, entries } = layout
    const read = parse(fileOf(layout))
    t.deepEqual(
      [...read.tensors],
      entries.map(({ name, ...entry }) => [name, entry]),
    )
    t.deepEqual([...read.metadata], Object.entries(texts))
    t.deepEqual([...read.tensors.keys()].sort(), tensors.map((tensor) => tensor.name).sort())
    t.is(header.length % 8, 0)
  })
  fc.assert(property, { numRuns: 300 })
  t.pass()
})

test('the order of the tensors given to the writer does not matter', (t) => {
  const shuffled = labels.chain((tensors) =>
    fc.tuple(fc.constant(tensors), fc.shuffledSubarray(tensors, { minLength: tensors.length })),
  )
  const property = fc.property(shuffled, ([a, b]) => t.deepEqual(layoutSafetensors(a), layoutSafetensors(b)))
  fc.assert(property, { numRuns: 100 })
  t.pass()
})

test('any single changed byte is refused by code or leaves legal ranges', (t) => {
  const byte = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    value: fc.nat({ max: 255 }),
  })
  const property = fc.property(
    labels,
    fc.array(byte, { minLength: 20, maxLength: 20 }),
    (tensors, changes) => {
      const layout = layoutSafetensors(tensors)
      const file = fileOf(layout)
      return changes.every(({ at, value }) => {
        const changed = Uint8Array.from(file)
        changed[Math.floor(at * layout.header.length)] = value
        return parsesOrRefuses(changed)
      })
    },
  )
  fc.assert(property, { numRuns: 200 })
  t.pass()
})

test('every byte of one header, changed to every value, is refused by code or leaves legal ranges', (t) => {
  const tensors: [string, Dtype, number[]][] = [
    ['a', 'F32', [2]],
    ['b', 'U8', [11]],
  ]
  const layout = layoutSafetensors(tensors.map(([name, dtype, shape]) => ({ name, dtype, shape })))
  const file = fileOf(layout)
  for (let at = 0; at < layout.header.length; at++) {
    for (let value = 0; value < 256; value++) {
      const changed = Uint8Array.from(file)
      changed[at] = value
      if (!parsesOrRefuses(changed)) t.fail(`byte ${at} as ${value}`)
    }
  }
  t.pass()
})

test('random bytes are refused by code or leave legal ranges', (t) => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => parsesOrRefuses(bytes))
  fc.assert(property, { numRuns: 500 })
  t.pass()
})

test('random pieces of headers are refused by code or leave legal ranges', (t) => {
  const piece = fc.oneof(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"__metadata__"',
      '"dtype"',
      '"shape"',
      '"data_offsets"',
    ),
    fc.constantFrom(
      '"U8"',
      '"F4"',
      '0',
      '1',
      '-0',
      '1e3',
      'null',
      'true',
      ' ',
      '\n',
      '//',
      '/*',
      '\ufeff',
      '\\u0061',
    ),
    fc.constantFrom(
      '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}',
      '"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}',
    ),
  )
  const property = fc.property(
    fc.array(piece, { maxLength: 20 }),
    fc.nat({ max: 2 }),
    (pieces, dataBytes) => {
      const json = Buffer.from(`{${pieces.join('')}`)
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(json.length))
      return parsesOrRefuses(Buffer.concat([length, json, Buffer.alloc(dataBytes)]))
    },
  )
  fc.assert(property, { numRuns: 2000 })
  t.pass()
})

test('what the reader takes, JSON.parse takes too', (t) => {
  const text = fc.oneof(
    fc.json(),
    fc.json().map((json) => `{"__metadata__":${json}}`),
    fc.json().map((json) => `{"a":{"x":${json},"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`),
  )
  const broken = fc.tuple(text, fc.nat(), fc.string({ maxLength: 1 })).map(([json, at, piece]) => {
    const place = at % (json.length + 1)
    return json.slice(0, place) + piece + json.slice(place + 1)
  })
  const property = fc.property(fc.oneof(text, broken), (json) => {
    const bytes = Buffer.from(json)
    try {
      parseHeader(bytes, bytes.length + 8)
    } catch {
      return
    }
    JSON.parse(json)
  })
  fc.assert(property, { numRuns: 2000 })
  t.pass()
})
