import { extname } from 'node:path'
import { Calibration, type CalibrationFileOptions, type Checkpoint } from '../index.js'
import { several } from './amounts.js'
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
  'exclude-overlap': { help: 'leave out of what was drawn what --data holds too' },
  'allow-overlap': { help: 'go on where the evaluated data was calibrated on; it is reported' },
}

type Asked = Pick<Invocation, 'options' | 'signal' | 'onProgress'>

const others = Object.keys(studyCalibrationOptions).filter(
  (name) => name !== 'calibration' && name !== 'allow-overlap',
)

/** The data of --calibration as this checkpoint reads it; undefined without. @throws as `readCalibration` */
export async function readStudyCalibration(
  checkpoint: Checkpoint,
  invocation: Asked,
): Promise<Calibration | undefined> {
  const { options } = invocation
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
  const exclude = options.flag('exclude-overlap') ? await readEvaluated(checkpoint, invocation) : undefined
  return openCalibration(checkpoint, file, reading, { ...drawingOf(invocation), exclude })
}

/**
 * Refuses calibration data of which some is evaluated, unless --allow-overlap; then says so.
 * @throws RangeError
 */
export async function checkApart(
  checkpoint: Checkpoint,
  calibration: Calibration,
  invocation: Asked,
): Promise<string[]> {
  const { examples, sequences } = calibration.overlap(await readEvaluated(checkpoint, invocation))
  if (examples + sequences === 0) return []
  const shared = `${several(examples, 'example')} and ${several(sequences, 'single sequence')} of --data`
  if (invocation.options.flag('allow-overlap')) return [`Of the evaluated data ${shared} were calibrated on.`]
  throw new RangeError(
    `Expected --calibration to share nothing with the data that is evaluated, got ${shared}. Leave those out with --exclude-overlap, or pass --allow-overlap to go on and have it reported.`,
  )
}

/** All of --data, as calibration data would be read. @throws TypeError; as `Calibration.open` */
function readEvaluated(checkpoint: Checkpoint, { options, signal }: Asked): Promise<Calibration> {
  const data = options.required('data', 'There is nothing to overlap with.')
  // The library names what it refuses.
  return Calibration.open(checkpoint, data, {
    task: options.text('task') as CalibrationFileOptions['task'],
    columns: columnsOption(options),
    format: options.text('format') as CalibrationFileOptions['format'],
    limit: Number.POSITIVE_INFINITY,
    signal,
  })
}

function taskOf(file: string, options: OptionValues): string | undefined {
  const named = options.text('calibration-task')
  if (named !== undefined) return named === 'texts' ? undefined : named
  return ['.txt', '.json'].includes(extname(file).toLowerCase()) ? undefined : options.text('task')
}
