import { checkKeys, checkOneOf, checkSignal, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import type { PoolingMode } from '../sentence-config.js'
import type { Encoder } from './encoder.js'
import { blankRequest } from './run.js'
import { type Text, textSlices } from './texts.js'

export const poolings = ['mean', 'cls', 'max', 'meanSqrtLength', 'lastToken'] as const

export type EmbedOptions = {
  /** How a text's tokens become one vector. @default what the model's 1_Pooling says, else 'mean' */
  readonly pooling?: PoolingMode | undefined
  /** Divide each vector by its length. @default true where the model has a Normalize module */
  readonly normalize?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export type Embeddings = {
  /** [texts, hidden], row-major */
  readonly vectors: Float32Array
  readonly dims: readonly [texts: number, hidden: number]
  /** Texts of which something was cut off. */
  readonly truncated: number
}

/** Only the pooled rows leave the device. @throws TwofourError CHECKPOINT_UNSUPPORTED for modules it cannot follow */
export async function embed(
  encoder: Encoder,
  texts: readonly Text[],
  options: EmbedOptions,
): Promise<Embeddings> {
  checkKeys('options', options, ['pooling', 'normalize', 'signal'])
  const signal = checkSignal(options.signal)
  const sentence = await sentenceSettings(encoder, options)

  const { hidden } = encoder.spec
  const vectors = new Float32Array((Array.isArray(texts) ? texts.length : 0) * hidden)
  let truncated = 0
  for await (const { first, encodings, batch } of textSlices(encoder, texts)) {
    truncated += encodings.filter((encoding) => encoding.truncated).length
    const result = await encoder.submit({ ...blankRequest(batch), sentence }, signal)
    vectors.set(result.sentence!, first * hidden)
  }
  return { vectors, dims: [texts.length, hidden], truncated }
}

async function sentenceSettings(encoder: Encoder, options: EmbedOptions) {
  if (options.normalize !== undefined && typeof options.normalize !== 'boolean') {
    throw new TypeError(expected('normalize', 'true or false', options.normalize))
  }
  const asked = options.pooling === undefined ? undefined : checkOneOf('pooling', options.pooling, poolings)
  const config = await encoder.sentenceConfig()
  if (asked === undefined && config.unsupported !== undefined) {
    throw new TwofourError(
      'CHECKPOINT_UNSUPPORTED',
      `${config.unsupported} Name a \`pooling\` to embed without it.`,
    )
  }
  return { pooling: asked ?? config.pooling ?? 'mean', normalize: options.normalize ?? config.normalize }
}
