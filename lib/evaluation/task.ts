import type { Clusters } from './intervals/clusters.js'
import type {
  CheckedIntervalOptions,
  Interval,
  IntervalMethod,
  MetricInterval,
} from './intervals/interval.js'

/** What a model can be evaluated on. */
export const tasks = [
  'similarity',
  'classification',
  'token-classification',
  'question-answering',
  'masked-lm',
] as const

export type Task = (typeof tasks)[number]

/** A task's first metric: a correlation from −1 to 1, a share from 0 to 1, a percentage, and a number from 1. */
export type Metric = 'spearman' | 'accuracy' | 'f1' | 'pseudo_perplexity'

/**
 * What a model did on every example, reduced to what the metrics need. Made by `similarity`, `classification`, …;
 * read by `summarise` and `compare`.
 */
export type Outcomes = {
  task: Task
  metric: Metric
  /** How many examples there are: pairs, sentences, questions, texts. They are what was drawn independently. */
  n: number
  /** Every metric of the task on all examples, the first one included. */
  metrics: Record<string, number>
  /** The interval of every metric, by its name. */
  intervals: (options: CheckedIntervalOptions) => Record<string, MetricInterval>
  /** The first metric, example by example, for paired differences. */
  examples: ExampleOutcomes
  notes: string[]
  /** What stands in the file for every example. Two models are compared only where it is the same. */
  gold: ArrayLike<unknown>
}

/** The first metric as `scale` times the mean of units from 0 to 1, which are right or wrong if `binary`. */
export type UnitOutcomes = { kind: 'units'; clusters: Clusters; binary: boolean; scale: number }

/** The first metric without one example each, with its standard error and what it can be. */
export type JackknifeOutcomes = {
  kind: 'jackknife'
  withoutOne: Float64Array
  error: number
  range: Interval
  /** Of fewer examples nothing is said. */
  fewest: number
}

export type ExampleOutcomes = UnitOutcomes | JackknifeOutcomes

/** The result of an evaluation, ready to print as JSON. */
export type TaskResult = {
  task: Task
  metric: Metric
  value: number
  /** The 95 % interval of the first metric, in its own unit, and how it was made. */
  interval: Interval
  intervalMethod: IntervalMethod
  n: number
  metrics: Record<string, number>
  /** The interval of every metric, by its name. */
  intervals: Record<string, MetricInterval>
  notes?: string[]
  /** How many examples were longer than the model takes, and were cut. */
  truncated?: number
}

/** How the p-value of a comparison was found; docs/statistics.md says more. */
export type ComparisonTest = 'mcnemar_mid_p' | 'score_clustered' | 'jackknife_t'

/** One model against another on the same examples. */
export type Comparison = {
  task: Task
  metric: Metric
  /** The first model's value minus the second's. */
  difference: number
  interval: Interval
  intervalMethod: IntervalMethod
  /** Two-sided, for the two models being equally good. */
  pValue: number
  test: ComparisonTest
  n: number
}
