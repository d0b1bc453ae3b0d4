import type { Progress } from '../addon.js'
import { checkInteger, checkKeys, checkOneOf, checkSignal, checkString, expected } from '../check.js'
import { Encoder } from '../encoder/encoder.js'
import { type PoolingMode, poolingModes } from '../sentence-config.js'
import type { Columns } from './columns.js'
import { compare } from './compare.js'
import type { Format } from './format.js'
import type { IntervalOptions } from './intervals/interval.js'
import { summarise } from './summarise.js'
import { type Comparison, type Outcomes, type Task, type TaskResult, tasks } from './task.js'
import { runClassification } from './tasks/classification.js'
import { runMaskedLm } from './tasks/masked-lm.js'
import { runQuestionAnswering } from './tasks/question-answering.js'
import { runSimilarity } from './tasks/similarity.js'
import type { RunTask, TaskInput } from './tasks/task-run.js'
import { runTokenClassification } from './tasks/token-classification.js'

export type EvaluateOptions = {
  readonly task: Task
  /** The labelled file. */
  readonly data: string
  /**
   * Where the task's columns lie, by name, or by number from 0: `sentence1 sentence2 score`, `sentence label`,
   * `sentence`; for a CoNLL-U file `label` is upos, xpos, feats or deprel. @default their own names; upos
   */
  readonly columns?: Columns | undefined
  /** @default by the file's extension; of questions 'squad' or 'jsonl' by the content */
  readonly format?: Format | 'squad' | undefined
  /** Only the first examples of the file. @default all */
  readonly limit?: number | undefined
  /** Draws for the intervals of macro F1 and Matthews's correlation, the only ones that draw at random. @default 1000 */
  readonly resamples?: number | undefined
  /** Seed of these draws. @default 0 */
  readonly seed?: number | undefined
  /** Of the task `similarity`: how a text's tokens become one vector. @default as `embed` */
  readonly pooling?: PoolingMode | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** The result of an evaluation. */
export type Evaluation = Required<TaskResult> & {
  /** What came out for each example, for `compareEvaluations`. */
  readonly outcomes: Outcomes
}

const known = [
  'task',
  'data',
  'columns',
  'format',
  'limit',
  'resamples',
  'seed',
  'pooling',
  'signal',
  'onProgress',
]

const runners: Readonly<Record<Task, RunTask>> = {
  similarity: runSimilarity,
  classification: runClassification,
  'token-classification': runTokenClassification,
  'question-answering': runQuestionAnswering,
  'masked-lm': runMaskedLm,
}

/**
 * Measures a model on a labelled file: the task's metrics with their 95 % intervals (docs/statistics.md).
 * @throws TypeError or RangeError on misuse; TwofourError TASK_UNSUPPORTED where the model lacks the head; FILE_NOT_FOUND,
 *   FILE_UNREADABLE or DATA_INVALID with the line; as `Encoder.run` and `Encoder.embed`
 */
export async function evaluate(encoder: Encoder, options: EvaluateOptions): Promise<Evaluation> {
  if (!(encoder instanceof Encoder)) throw new TypeError(expected('encoder', 'an Encoder', encoder))
  const { task, resamples, seed, input } = checkedOptions(options)

  const { outcomes, truncated, notes } = await runners[task](encoder, input)

  const result = summarise(outcomes, { truncated, notes, resamples, seed })
  return { ...result, truncated, notes: result.notes ?? [], outcomes }
}

/**
 * The first model against the second on the same examples: difference, interval and p-value.
 * @throws RangeError where tasks or examples differ; TwofourError TASK_UNSUPPORTED where two language models cut the
 *   texts into different tokens
 */
export function compareEvaluations(
  first: Evaluation,
  second: Evaluation,
  options: IntervalOptions = {},
): Comparison {
  checkEvaluation('first', first)
  checkEvaluation('second', second)

  return compare(first.outcomes, second.outcomes, options)
}

function checkedOptions(options: EvaluateOptions) {
  checkKeys('options', options, known)
  const task = checkOneOf('task', options.task, tasks)
  const { columns, format, onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(expected('onProgress', 'a function', onProgress))
  }
  if (options.pooling !== undefined && task !== 'similarity') {
    throw new TypeError(expected('pooling', "absent unless the task is 'similarity'", options.pooling))
  }
  const input: TaskInput = {
    data: checkString('data', options.data),
    columns,
    format,
    limit: options.limit === undefined ? Infinity : checkInteger('limit', options.limit, 1),
    pooling: options.pooling === undefined ? undefined : checkOneOf('pooling', options.pooling, poolingModes),
    signal: checkSignal(options.signal),
    tell: (done, total) => onProgress?.({ stage: 'evaluate', done, total, unit: 'examples' }),
  }
  const resamples = checkInteger('resamples', options.resamples ?? 1000, 1, 10_000_000)
  return { task, resamples, seed: checkInteger('seed', options.seed ?? 0), input }
}

function checkEvaluation(name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'outcomes')) return
  throw new TypeError(expected(name, 'what `evaluate` gave', value))
}
