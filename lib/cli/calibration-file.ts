import type { EncoderOptions } from '../index.js'
import type { Invocation } from './command.js'
import { readIds } from './ids-file.js'
import { lines, readBytes } from './texts.js'

/**
 * The inputs of --calibration: token ids where the file ends in .json, else texts, one a line.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, DATA_INVALID
 */
export async function readCalibration({
  options,
  signal,
}: Pick<Invocation, 'options' | 'signal'>): Promise<EncoderOptions['calibration']> {
  const file = options.text('calibration')
  if (file === undefined) return undefined
  if (file.endsWith('.json')) return readIds(file, signal)
  return lines(await readBytes(file, 'texts, one a line', signal), `\`${file}\``)
}
