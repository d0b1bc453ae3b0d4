import type { EncoderOptions } from 'twofour'
import { realLengths } from './lengths.js'

/** How much is done: all of it, a part for a first look, or what an emulation on the CPU has time for. */
export type Scale = 'full' | 'quick' | 'emulated'

export type Dtype = 'float32' | 'float16' | 'bfloat16' | 'int8' | 'float8'

export type ModelShape = {
  readonly hidden: number
  readonly heads: number
  readonly inner: number
  readonly layers: number
  readonly vocab: number
  readonly positions: number
}

/** One batch of sequences, by their lengths. */
export type Work = { readonly name: string; readonly lengths: readonly number[]; readonly real: boolean }

const bert = { vocab: 30_522, positions: 512 }
const large = { ...bert, hidden: 1024, heads: 16, inner: 4096, layers: 24 }
const base = { ...bert, hidden: 768, heads: 12, inner: 3072, layers: 12 }
const small = { hidden: 64, heads: 4, inner: 128, layers: 2, vocab: 500, positions: 64 }

/** In the order of their weight: what comes first is measured even where time runs out. */
export function modelShapes(scale: Scale): Readonly<Record<string, ModelShape>> {
  if (scale === 'emulated') return { small }
  return scale === 'quick' ? { 'BERT-base': base } : { 'BERT-large': large, 'BERT-base': base }
}

export function dtypes(scale: Scale): readonly Dtype[] {
  if (scale === 'emulated') return ['bfloat16', 'int8']
  return scale === 'quick' ? ['bfloat16', 'float8'] : ['bfloat16', 'float8', 'float16', 'int8']
}

/** About 16,000 tokens each: where a card is busy. */
export function works(scale: Scale): readonly Work[] {
  const fixed = (count: number, length: number): Work => ({
    name: `${count} × ${length} tokens`,
    lengths: Array<number>(count).fill(length),
    real: false,
  })
  if (scale === 'emulated') {
    return [fixed(2, 16), { name: 'sentences', lengths: realLengths('sentences', 60), real: true }]
  }
  const mixes = (['paragraphs', 'sentences'] as const).map((name) => ({
    name,
    lengths: realLengths(name, 16_384),
    real: true,
  }))
  return [fixed(128, 128), ...mixes, fixed(42, 384)]
}

/** Token counts of the linears' sweep, the most telling first; two are no multiple of anything. */
export function sweepTokens(scale: Scale): readonly number[] {
  if (scale === 'emulated') return [64, 100]
  if (scale === 'quick') return [8192, 512, 16_384]
  return [8192, 16_384, 512, 65_536, 2048, 5000, 32_768, 1024, 4096, 777]
}

/** Of a load after `tune`. Where each pass is emulated, passes are small, and what `tune` did not find stays unknown. */
export function loadOptions(scale: Scale): EncoderOptions {
  return scale === 'emulated' ? { maxTokens: emulatedTokens, tuning: { budget: 0 } } : {}
}

/** Of a pass of an emulation: two buckets. */
export const emulatedTokens = 128

/** [outputs, inputs] of every distinct linear, query, key and value as one. */
export function linears(scale: Scale): [rows: number, columns: number][] {
  return Object.values(modelShapes(scale)).flatMap(({ hidden, inner }): [number, number][] => [
    [inner, hidden],
    [hidden, inner],
    [3 * hidden, hidden],
    [hidden, hidden],
  ])
}

/** Token ids that mean nothing, no two sequences alike. The peers' programs make the same. */
export function idsOf({ lengths }: Work, vocab: number): number[][] {
  return lengths.map((length, i) =>
    Array.from({ length }, (_, j) => 2 + ((i * 7919 + j * 104_729) % (vocab - 2))),
  )
}

export function tokensOf({ lengths }: Work): number {
  return lengths.reduce((sum, length) => sum + length, 0)
}
