import { extname } from 'node:path'
import { Calibration, type CalibrationFileOptions, type Checkpoint } from '../index.js'
import { columnsOption } from './columns-option.js'
import type { Invocation, OptionTable } from './command.js'
import { readIds } from './ids-file.js'
import type { OptionValues } from './option-values.js'

/** Examples for scores and updates that read what linears are given. */
export const calibrationOptions: OptionTable = {
  calibration: {
    value: 'FILE',
    help: 'examples for --update and for scores that look at data, as wanda and gradient: .txt (one text a line), .json (token ids), or a labelled file',
  },
  'calibration-limit': { value: 'N', help: 'examples that are drawn of it (default 512)' },
  'calibration-seed': { value: 'N', help: 'of what is drawn (default 0)' },
  task: { value: 'NAME', help: "what the file's labels are of, as for eval (default: texts alone)" },
  columns: { value: 'LIST', help: "where the file's columns lie, as for eval" },
  format: { value: 'NAME', help: "the file's format, as for eval, against its extension" },
}

const others = Object.keys(calibrationOptions).filter((name) => name !== 'calibration')

/** The data of --calibration; undefined without. @throws TypeError; as `Calibration.open` and `fromIds` */
export async function readCalibration(
  checkpoint: Checkpoint,
  { options, signal, onProgress }: Pick<Invocation, 'options' | 'signal' | 'onProgress'>,
): Promise<Calibration | undefined> {
  const file = options.text('calibration')
  if (file === undefined) return undefined
  const limit = options.whole('calibration-limit', 1)
  const drawing = { limit, seed: options.whole('calibration-seed'), signal, onProgress }
  if (holdsIds(file, options)) return Calibration.fromIds(checkpoint, await readIds(file, signal), drawing)
  return Calibration.open(checkpoint, file, {
    ...drawing,
    // The library names what it refuses.
    task: options.text('task') as CalibrationFileOptions['task'],
    columns: columnsOption(options),
    format: options.text('format') as CalibrationFileOptions['format'],
  })
}

/** @throws TypeError for options that say how to read a file that is not there */
export function checkCalibrationOptions(options: OptionValues): void {
  const stray = others.find((name) => options.has(name))
  if (stray === undefined || options.has('calibration')) return
  throw new TypeError(`--${stray} is for --calibration FILE, which is not there.`)
}

/** SQuAD's documents are .json too. */
function holdsIds(file: string, options: OptionValues): boolean {
  const plain = !['task', 'columns', 'format'].some((name) => options.has(name))
  return plain && extname(file).toLowerCase() === '.json'
}
