import type { Progress } from '../addon.js'
import { checkInteger, checkKeys, checkOneOf, checkSignal, expected } from '../check.js'
import type { Columns } from '../evaluation/columns.js'
import type { Format } from '../evaluation/format.js'
import { type Task, tasks } from '../evaluation/task.js'
import type { Calibration } from './calibration.js'
import type { Gathering } from './gather.js'

export type CalibrationOptions = {
  /** Examples that are drawn, without replacement; Infinity: all. @default 512 */
  readonly limit?: number | undefined
  /** Of what is drawn, and of masks. @default 0 */
  readonly seed?: number | undefined
  /** Drawn examples of which this holds a sequence are left out: what a model is evaluated on. @default none */
  readonly exclude?: Calibration | undefined
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export type CalibrationFileOptions = CalibrationOptions & {
  /** What the file's labels are of. @default nothing: the column `sentence`, or the lines of a .txt file */
  readonly task?: Task | undefined
  /** Where the task's columns lie, as for `evaluate`. @default their own names; upos */
  readonly columns?: Columns | undefined
  /** @default by the file's extension; of questions by the content */
  readonly format?: Format | 'squad' | undefined
}

const keys = ['limit', 'seed', 'exclude', 'signal', 'onProgress']

/** @throws TypeError, RangeError; `signal.reason` */
export function checkGathering(
  options: CalibrationOptions,
  more: readonly string[] = [],
): Omit<Gathering, 'exclude'> {
  checkKeys('options', options, [...more, ...keys])
  const { limit = 512, seed, onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(expected('onProgress', 'a function', onProgress))
  }
  return {
    limit: limit === Infinity ? limit : checkInteger('limit', limit, 1),
    seed: checkInteger('seed', seed ?? 0),
    signal: checkSignal(options.signal),
    onProgress,
  }
}

/** @throws TypeError, RangeError; `signal.reason` */
export function checkFileOptions(
  options: CalibrationFileOptions,
): Omit<Gathering, 'exclude'> & { task: Task | null } {
  const gathering = checkGathering(options, ['task', 'columns', 'format'])
  return { ...gathering, task: options.task === undefined ? null : checkOneOf('task', options.task, tasks) }
}
