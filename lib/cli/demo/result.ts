import type { Machine } from '../../bench/machine.js'
import type { Recipe } from '../../index.js'
import type { Family } from './variants.js'
import type { Verdict } from './why.js'

/** A number with its interval of 95 %. Its ends are null where nothing can be said. */
export type Interval = readonly [low: number, high: number]

/** One row of the table; shares are from 0 to 1. */
export type DemoRow = {
  readonly variant: string
  readonly family: Family
  readonly recipe: Recipe | null
  /** Weights of the layers' linears that are zeroed or physically gone, as a share of the dense model's. */
  readonly zeros: number
  /** Parameters that are still stored and computed with, masked zeros included, as a share of the dense model's. */
  readonly parametersKept: number
  readonly spearman: number
  readonly interval: Interval
  /** This variant's Spearman minus the dense one's, on the same pairs; null for the dense one itself. */
  readonly difference: number | null
  readonly differenceInterval: Interval | null
  readonly pValue: number | null
  readonly sentencesPerSecond: number
  /** Speed as a multiple of the dense model's, and the 10th and 90th percentile of the rounds. */
  readonly ratio: number
  readonly spread: Interval
  readonly verdict: Verdict
  readonly note: string
}

/** What `demo --json` prints, and what the report shows. */
export type DemoResult = {
  readonly model: string
  readonly data: string
  readonly pairs: number
  readonly task: 'similarity'
  readonly metric: 'spearman'
  readonly rows: readonly DemoRow[]
  readonly timing: {
    readonly rounds: number
    readonly batches: number
    readonly batchSize: number
    /** The dense model loaded twice and timed against itself: what noise looks like here. */
    readonly control: { readonly ratio: number; readonly spread: Interval }
    /** Largest differences of outputs: between the rounds, and between the two dense models. */
    readonly outputDrift: number
    readonly controlDifference: number
  }
  /** What must be known to read the table. */
  readonly remarks: readonly string[]
  readonly device: { readonly kind: string; readonly name: string; readonly reason: string }
  readonly machine: Machine & { readonly loadBefore: number; readonly loadAfter: number }
  readonly date: string
  readonly seconds: number
}
