import { extname } from 'node:path'
import type { Calibration, Checkpoint } from '../index.js'
import { calibrationOptions, drawingOf, openCalibration } from './calibration.js'
import { columnsOption } from './columns-option.js'
import type { Invocation, OptionTable } from './command.js'
import type { OptionValues } from './option-values.js'

/** As for prune; --task and --columns are of the data that is evaluated too. */
export const studyCalibrationOptions: OptionTable = {
  calibration: calibrationOptions.calibration!,
  'calibration-limit': calibrationOptions['calibration-limit']!,
  'calibration-seed': calibrationOptions['calibration-seed']!,
  'calibration-task': {
    value: 'NAME',
    help: "what its labels are of, or 'texts' (default: --task; of .txt and .json files texts or ids)",
  },
  'calibration-columns': { value: 'LIST', help: 'where its columns lie (default: --columns)' },
  'calibration-format': { value: 'NAME', help: 'its format, against its extension' },
}

const others = Object.keys(studyCalibrationOptions).filter((name) => name !== 'calibration')

/** The data of --calibration as this checkpoint reads it; undefined without. @throws as `readCalibration` */
export async function readStudyCalibration(
  checkpoint: Checkpoint,
  { options, signal, onProgress }: Pick<Invocation, 'options' | 'signal' | 'onProgress'>,
): Promise<Calibration | undefined> {
  const file = options.text('calibration')
  const stray = others.find((name) => options.has(name))
  if (file === undefined) {
    if (stray === undefined) return undefined
    throw new TypeError(`--${stray} is for --calibration FILE, which is not there.`)
  }
  const task = taskOf(file, options)
  const columns =
    columnsOption(options, 'calibration-columns') ?? (task === undefined ? undefined : columnsOption(options))
  const reading = { task, columns, format: options.text('calibration-format') }
  return openCalibration(checkpoint, file, reading, drawingOf({ options, signal, onProgress }))
}

function taskOf(file: string, options: OptionValues): string | undefined {
  const named = options.text('calibration-task')
  if (named !== undefined) return named === 'texts' ? undefined : named
  return ['.txt', '.json'].includes(extname(file).toLowerCase()) ? undefined : options.text('task')
}
