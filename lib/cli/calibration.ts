import { extname } from 'node:path'
import {
  Calibration,
  type CalibrationFileOptions,
  type CalibrationOptions,
  type Checkpoint,
} from '../index.js'
import { columnsOption } from './columns-option.js'
import type { Invocation, OptionTable } from './command.js'
import { readIds } from './ids-file.js'
import type { OptionValues } from './option-values.js'

/** Examples for scores and updates that read what linears are given. */
export const calibrationOptions: OptionTable = {
  calibration: {
    value: 'FILE',
    help: 'examples for wanda, ria, sparsegpt, obs and --update: .txt (one text a line), .json (token ids), or a labelled file',
  },
  'calibration-limit': { value: 'N', help: 'examples that are drawn of it (default 512)' },
  'calibration-seed': { value: 'N', help: 'of what is drawn (default 0)' },
  task: { value: 'NAME', help: "what the file's labels are of, as for eval (default: texts alone)" },
  columns: { value: 'LIST', help: "where the file's columns lie, as for eval" },
  format: { value: 'NAME', help: "the file's format, as for eval, against its extension" },
}

type Asked = Pick<Invocation, 'options' | 'signal' | 'onProgress'>

const others = Object.keys(calibrationOptions).filter((name) => name !== 'calibration')

/** The data of --calibration; undefined without. @throws TypeError; as `Calibration.open` and `fromIds` */
export async function readCalibration(
  checkpoint: Checkpoint,
  { options, signal, onProgress }: Asked,
): Promise<Calibration | undefined> {
  const file = options.text('calibration')
  if (file === undefined) return undefined
  const reading = {
    task: options.text('task'),
    columns: columnsOption(options),
    format: options.text('format'),
  }
  return openCalibration(checkpoint, file, reading, drawingOf({ options, signal, onProgress }))
}

/** How a file of examples is read, as far as that was said. */
export type CalibrationReading = {
  readonly task: string | undefined
  readonly columns: Readonly<Record<string, string>> | undefined
  readonly format: string | undefined
}

/** What --calibration-limit and --calibration-seed say. */
export function drawingOf({ options, signal, onProgress }: Asked): CalibrationOptions {
  const limit = options.whole('calibration-limit', 1)
  return { limit, seed: options.whole('calibration-seed'), signal, onProgress }
}

/** Token ids, texts or a labelled file. @throws as `Calibration.open` and `fromIds` */
export async function openCalibration(
  checkpoint: Checkpoint,
  file: string,
  reading: CalibrationReading,
  drawing: CalibrationOptions,
): Promise<Calibration> {
  if (holdsIds(file, reading)) {
    return Calibration.fromIds(checkpoint, await readIds(file, drawing.signal!), drawing)
  }
  // The library names what it refuses.
  return Calibration.open(checkpoint, file, { ...drawing, ...(reading as CalibrationFileOptions) })
}

/** @throws TypeError for options that say how to read a file that is not there */
export function checkCalibrationOptions(options: OptionValues): void {
  const stray = others.find((name) => options.has(name))
  if (stray === undefined || options.has('calibration')) return
  throw new TypeError(`--${stray} is for --calibration FILE, which is not there.`)
}

/** What the library says of its option `calibration`. */
export function inCalibrationWords(error: unknown): unknown {
  if (!(error instanceof TypeError || error instanceof RangeError)) return error
  const message = error.message
    .replace(/Pass `calibration`:.*$/, 'Pass --calibration FILE.')
    .replace(/^Expected `calibration` to be absent/, 'Expected --calibration to be absent')
    .replace('Make it with `exclude`,', 'Leave those out with --exclude-overlap,')
  return new RangeError(message, { cause: error })
}

/** SQuAD's documents are .json too. */
function holdsIds(file: string, reading: CalibrationReading): boolean {
  const plain = Object.values(reading).every((each) => each === undefined)
  return plain && extname(file).toLowerCase() === '.json'
}
