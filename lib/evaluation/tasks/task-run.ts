import { checkOneOf } from '../../check.js'
import type { Encoder } from '../../encoder/encoder.js'
import { TwofourError } from '../../errors.js'
import type { PoolingMode } from '../../sentence-config.js'
import type { Columns } from '../columns.js'
import { type Format, formats } from '../format.js'
import type { Outcomes } from '../task.js'

/** What every task is given, checked already. */
export type TaskInput = {
  /** The labelled file. */
  readonly data: string
  readonly columns: Columns | undefined
  readonly format: Format | 'squad' | undefined
  /** Only the first examples of the file; Infinity for all. */
  readonly limit: number
  /** Of `similarity` only. */
  readonly pooling: PoolingMode | undefined
  readonly signal: AbortSignal | undefined
  /** Told after every step how many of the examples are done. */
  readonly tell: (done: number, total: number) => void
}

export type TaskRun = {
  readonly outcomes: Outcomes
  /** Examples of which something was cut off. */
  readonly truncated: number
  readonly notes: readonly string[]
}

/** A task: reads the file, runs the model on it, and reduces what came out. A model without the head is refused first. */
export type RunTask = (encoder: Encoder, input: TaskInput) => Promise<TaskRun>

/** @throws TypeError for SQuAD's form, which only questions have */
export function rowFormat(format: TaskInput['format']): Format | undefined {
  return format === undefined ? undefined : checkOneOf('format', format, formats)
}

/** "1 sentence was", "2 sentences were". */
export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun} was` : `${count} ${noun}s were`
}

/** @throws TwofourError CHECKPOINT_UNSUPPORTED where the model's numbers are no numbers, so that no metric exists */
export function checkNumbers(values: ArrayLike<number>, what: string): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue
    const fix = 'Its weights are damaged or overflow; check them with `inspect`.'
    throw new TwofourError(
      'CHECKPOINT_UNSUPPORTED',
      `The model computes ${values[i]} for ${what}, so it cannot be evaluated. ${fix}`,
      { what },
    )
  }
}

/** The index of the largest number, the first of equal ones. */
export function indexOfLargest(values: ArrayLike<number>): number {
  let at = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[at]!) at = i
  return at
}
