import type { LinearDtype } from '../../binding.js'
import { expected } from '../check.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { TwofourError } from '../errors.js'
import { Tokenizer } from '../tokenizer.js'
import { type PackedBatch, packBatch, type Sequence } from './batch.js'
import type { EncoderDevice } from './device.js'
import { checkText } from './text-chunks.js'
import { sequencesOf, type Text } from './texts.js'
import { tokenizerOptions } from './tokenizer-options.js'

/** Token ids as `run` takes them, or texts. */
export type Calibration = readonly Sequence[] | readonly Text[]

/** @throws TypeError or RangeError on misuse; TwofourError DTYPE_UNAVAILABLE where the device needs none */
export function checkCalibration(
  calibration: Calibration | undefined,
  dtype: LinearDtype,
  { kind }: EncoderDevice,
): Calibration | undefined {
  if (calibration === undefined) return undefined
  if (!Array.isArray(calibration)) {
    throw new TypeError(expected('calibration', 'an array of sequences or texts', calibration))
  }
  if (calibration.length === 0) {
    throw new RangeError('Expected `calibration` to have at least one sequence or text, got none.')
  }
  if (dtype !== 'int8' && dtype !== 'float8') {
    throw new TypeError(
      `Expected \`calibration\` to come with dtype 'int8' or 'float8', got dtype '${dtype}', which has no scales.`,
    )
  }
  if (kind === 'cuda') return calibration
  throw new TwofourError(
    'DTYPE_UNAVAILABLE',
    `Only CUDA devices are calibrated, got '${kind}', where every token of 8 bits has a scale of its own. Leave \`calibration\` out.`,
    { device: kind, dtype },
  )
}

/** The sample as one batch. @throws as `run`, naming `calibration`; what the tokenizer throws */
export async function packCalibration(
  calibration: Calibration,
  checkpoint: Checkpoint,
  { maxLength, signal }: { readonly maxLength: number | undefined; readonly signal: AbortSignal | undefined },
): Promise<PackedBatch> {
  const { spec } = checkpoint
  try {
    const sequences = areTexts(calibration)
      ? await tokenized(calibration, checkpoint, maxLength, signal)
      : calibration
    return packBatch(sequences, spec)
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    error.message = error.message.replace(/`(sequences|texts)\[/g, '`calibration[')
    throw error
  }
}

function areTexts(calibration: Calibration): calibration is readonly Text[] {
  const [first] = calibration
  return typeof first === 'string' || (Array.isArray(first) && typeof first[0] === 'string')
}

async function tokenized(
  texts: readonly Text[],
  checkpoint: Checkpoint,
  maxLength: number | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly Sequence[]> {
  for (let i = 0; i < texts.length; i++) checkText(texts[i], i)
  const options = { ...tokenizerOptions(checkpoint), ...(maxLength !== undefined && { maxLength }) }
  const tokenizer = await Tokenizer.open(checkpoint.directory, options)
  return sequencesOf(await tokenizer.pack(texts, signal))
}
