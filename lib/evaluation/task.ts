import type { Interval, Statistic } from './bootstrap.js'

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
 * What a model did on every example, reduced to what the metric needs. Made by `similarity`, `classification`, …;
 * read by `summarise` and `compare`.
 */
export type Outcomes = {
  task: Task
  metric: Metric
  /** How many examples there are, that is, how many are drawn for a resample: pairs, sentences, questions, texts. */
  n: number
  /** The metric of a sample of the examples. */
  statistic: Statistic
  /** Every metric of the task on all examples, the first one included. */
  metrics: Record<string, number>
  notes: string[]
  /** What stands in the file for every example. Two models are compared only where it is the same. */
  gold: ArrayLike<unknown>
  /** Per example 1 where the model was right, in tasks where an example is right or wrong. */
  right?: Uint8Array
}

/** The result of an evaluation, ready to print as JSON. */
export type TaskResult = {
  task: Task
  metric: Metric
  value: number
  /** The metric's bootstrap interval, in its own unit. */
  interval: Interval
  n: number
  metrics: Record<string, number>
  notes?: string[]
  /** How many examples were longer than the model takes, and were cut. */
  truncated?: number
}

/** How the p-value of a comparison was found: by McNemar's exact test, or by the paired bootstrap. */
export type ComparisonTest = 'mcnemar' | 'paired_bootstrap'

/** One model against another on the same examples. */
export type Comparison = {
  task: Task
  metric: Metric
  /** The first model's value minus the second's. */
  difference: number
  interval: Interval
  /** Two-sided, for the two models being equally good. */
  pValue: number
  test: ComparisonTest
  n: number
}
