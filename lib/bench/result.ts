import type { Recipe } from '../index.js'
import type { Circumstances } from './circumstances.js'
import type { Refusal, Timing } from './compare.js'
import type { Variant } from './variants.js'

/** One variant at one work. */
export type BenchRow = Timing & {
  readonly textsPerSecond: number
  readonly tokensPerSecond: number
  /** A forward pass: the median over the rounds, and their quartiles. */
  readonly millisecondsPerBatch: number
  readonly spread: readonly [low: number, high: number]
  /** The fastest of the dense dtypes at this work. */
  readonly fastestDense: boolean
}

export type BenchVariant = Pick<Variant, 'name' | 'dtype' | 'sparsity'> & {
  readonly recipe: Recipe | null
  /** Why it took no part. */
  readonly refused: Refusal | null
  readonly loadSeconds: number | null
  readonly memoryBytes: number | null
  readonly device: string | null
}

/** What `bench --json` prints. */
export type BenchResult = {
  readonly model: string
  readonly variants: readonly BenchVariant[]
  /** Work by work, each in the order of the variants; those that were refused are not in it. */
  readonly rows: readonly BenchRow[]
  readonly rounds: number
  readonly machine: Circumstances
  readonly notes: readonly string[]
  readonly seconds: number
}
