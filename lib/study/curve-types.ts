import type { Progress } from '../addon.js'
import type { Calibration, Overlap } from '../calibration/calibration.js'
import type { EvaluateOptions } from '../evaluation/evaluate.js'
import type { Interval, IntervalMethod } from '../evaluation/intervals/interval.js'
import type { Comparison, Metric, Task } from '../evaluation/task.js'
import type { ExplicitRecipe, Recipe } from '../pruning/recipe.js'
import type { Density } from '../pruning/summary.js'

/** How much goes: a share above 0 up to 1, a number of layers, or an N:M pattern. */
export type Level = number | string

/** A method of one's own: one recipe for each level. */
export type CurveMethod = {
  /** `reverse:NAME` is the control of the method NAME over the same unit. */
  readonly name: string
  /** What goes: 'weights', 'N:M', 'heads', 'neurons', 'layers' or a word of one's own. Controls are of one unit. */
  readonly unit: string
  /** @default those of the study, N:M: its patterns */
  readonly levels?: readonly Level[] | undefined
  /** As JSON, with "{level}" and (heads, neurons) "{count}" in place of numbers or patterns; or a function of both. */
  readonly recipe: Readonly<Record<string, unknown>> | ((level: Level, count: number) => Recipe)
}

export type CurveOptions = Omit<EvaluateOptions, 'onProgress'> & {
  /**
   * Names, as `magnitude`, `wanda+refit`, `random`, `reverse:gradient`, of layers `first` and `last`, or methods of
   * one's own. A name stands for every unit that its score can rank.
   */
  readonly methods: readonly (string | CurveMethod)[]
  /** weights, heads, neurons, layers, and patterns as 2:4. @default weights, 2:4, heads, neurons, layers */
  readonly units?: readonly string[] | undefined
  /** Shares of weights, heads and neurons that go. @default 0.1, 0.2, …: weights up to 0.9, the others up to 1 */
  readonly levels?: readonly number[] | undefined
  /** Random prunings for each level. @default 10 */
  readonly seeds?: number | undefined
  readonly calibration?: Calibration | undefined
  /** Whether what is evaluated may have been calibrated on. @default false */
  readonly allowOverlap?: boolean | undefined
  /** As of `Encoder.load`. Dense forms run throughout, so that equal arguments give equal numbers. */
  readonly device?: string | undefined
  readonly dtype?: 'auto' | 'float32' | 'float16' | 'bfloat16' | 'int8' | 'float8' | undefined
  readonly threads?: number | undefined
  readonly maxLength?: number | undefined
  /** An unfinished result of the same study: its points are not measured again. */
  readonly earlier?: Curves | undefined
  /** Called with all there is so far, dense first, then after each point; waited for. */
  readonly onPoint?: ((soFar: Curves) => void | Promise<void>) | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** What the figures depend on; equal studies give equal figures. */
export type Study = {
  readonly base: { readonly name: string; readonly hash: string; readonly architecture: string }
  readonly task: Task
  /** The labelled file without its folder, and the SHA-256 of its bytes. */
  readonly data: { readonly name: string; readonly digest: string }
  /** What was asked of `evaluate` and `Encoder.load`, null where it was left to them. */
  readonly evaluation: Readonly<Record<string, unknown>>
  readonly calibration: CurveCalibration | null
  readonly planned: readonly { readonly method: string; readonly recipe: ExplicitRecipe }[]
}

export type CurveCalibration = {
  readonly examples: number
  readonly sequences: number
  readonly tokens: number
  /** SHA-256 of the tokens. */
  readonly digest: string
  /** How much of the evaluated file was calibrated on. */
  readonly overlap: Overlap
}

/** A paired difference, first minus second, with its 95 % interval. */
export type Difference = Pick<Comparison, 'difference' | 'interval' | 'intervalMethod' | 'pValue' | 'test'>

/**
 * A model minus the mean of random prunings. The interval is the model minus where one more of them would lie; see
 * `besideRandom`.
 */
export type RandomDifference = Omit<Difference, 'test'> & {
  readonly test: 'prediction_t'
  /** Whether it is too far from them to be one more random pruning, p < 0.05. Never decided by one seed. */
  readonly verdict: 'better' | 'worse' | 'undecided'
  readonly seeds: number
  /** How many of them this model is better than. */
  readonly better: number
}

export type CurvePoint = {
  readonly unit: string
  readonly method: string
  readonly level: Level
  /** The level as a share, for an axis. */
  readonly share: number
  /** Of random prunings; null for others. */
  readonly seed: number | null
  readonly recipe: ExplicitRecipe
  readonly value: number
  readonly interval: Interval
  readonly intervalMethod: IntervalMethod
  readonly metrics: Readonly<Record<string, number>>
  /** This model minus the dense one. */
  readonly toDense: Difference
  /** Of a reversed order: this model minus the one by the order itself, at the same level. */
  readonly toOrder?: Difference
  /** Of orders and reversed ones: this model beside the random prunings at the same level. */
  readonly toRandom?: RandomDifference
  readonly density: { readonly prunable: Density; readonly all: Density }
  readonly seconds: { readonly prune: number; readonly evaluate: number }
}

/** Several seeds of one method at one level: standard deviations with n − 1. */
export type Spread = {
  readonly unit: string
  readonly method: string
  readonly level: Level
  readonly seeds: number
  readonly mean: number
  /** null of one seed. */
  readonly sd: number | null
  readonly meanDifference: number
}

/** How far a method gets, by measured levels alone: up to it every smaller measured level stays within too. */
export type Reach = {
  readonly unit: string
  readonly method: string
  readonly withinOnePoint: Level | null
  readonly within99Percent: Level | null
}

/** Whether a level of a method says something about its order; see `judge`. */
export type Verdict = {
  readonly unit: string
  readonly method: string
  readonly level: Level
  readonly evidence: boolean
  /** Mean loss of random prunings, in points; null where there are none. */
  readonly randomCost: number | null
  /** Reversed minus order; null where it was not measured. */
  readonly reversed: Difference | null
  /** Of the reversed order being worse, corrected for the method's levels; null where it was not tested. */
  readonly pValue: number | null
  readonly why: string
}

/** What `curve` gives; ready to print as JSON. */
export type Curves = {
  /** Of this type. Format 1 had intervals by the percentile bootstrap. */
  readonly format: 2
  readonly study: Study
  readonly dense: {
    readonly metric: Metric
    readonly value: number
    readonly interval: Interval
    readonly intervalMethod: IntervalMethod
    readonly n: number
    readonly metrics: Readonly<Record<string, number>>
    readonly truncated: number
    readonly notes: readonly string[]
    readonly seconds: number
  }
  /** What one point is, in the metric's unit; see `pointOf`. */
  readonly point: number
  readonly points: readonly CurvePoint[]
  readonly spreads: readonly Spread[]
  readonly reach: readonly Reach[]
  readonly evidence: readonly Verdict[]
  /** Sentences on the calibration data. */
  readonly notes: readonly string[]
  /** Whether every planned point is there. */
  readonly complete: boolean
}
