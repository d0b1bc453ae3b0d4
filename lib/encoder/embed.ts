import { checkKeys, checkOneOf, checkSignal, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import type { PoolingMode } from '../sentence-config.js'
import type { PackedBatch } from './batch.js'
import type { Encoder } from './encoder.js'
import { blankRequest } from './run.js'
import type { TextSource } from './text-chunks.js'
import { checkTexts, runTexts, type Text } from './texts.js'

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

/** Consecutive texts of a stream with their vectors; `first` is the number of the first. */
export type EmbeddedTexts = Embeddings & { readonly first: number; readonly texts: readonly Text[] }

/** Only the pooled rows leave the device. @throws TwofourError CHECKPOINT_UNSUPPORTED for modules it cannot follow */
export async function embed(
  encoder: Encoder,
  texts: readonly Text[],
  options: EmbedOptions,
): Promise<Embeddings> {
  checkTexts(texts)
  const { sentence, signal } = await embedSettings(encoder, options)

  const { hidden } = encoder.spec
  const vectors = new Float32Array(texts.length * hidden)
  let cut = 0
  const ask = (batch: PackedBatch) => ({ ...blankRequest(batch), sentence })
  for await (const { first, truncated, result } of runTexts(encoder, texts, ask, signal)) {
    cut += count(truncated)
    vectors.set(result.sentence!, first * hidden)
  }
  return { vectors, dims: [texts.length, hidden], truncated: cut }
}

/** As `embed`, slice by slice: a few are computed ahead of what was taken, and no more texts are asked for. */
export async function* embedStream(
  encoder: Encoder,
  texts: TextSource,
  options: EmbedOptions,
): AsyncGenerator<EmbeddedTexts, void, undefined> {
  const { sentence, signal } = await embedSettings(encoder, options)

  const { hidden } = encoder.spec
  const ask = (batch: PackedBatch) => ({ ...blankRequest(batch), sentence })
  for await (const run of runTexts(encoder, texts, ask, signal)) {
    const dims = [run.texts.length, hidden] as const
    yield {
      first: run.first,
      texts: run.texts,
      vectors: run.result.sentence!,
      dims,
      truncated: count(run.truncated),
    }
  }
}

function count(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0)
}

async function embedSettings(encoder: Encoder, options: EmbedOptions) {
  checkKeys('options', options, ['pooling', 'normalize', 'signal'])
  const signal = checkSignal(options.signal)
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
  const sentence = {
    pooling: asked ?? config.pooling ?? 'mean',
    normalize: options.normalize ?? config.normalize,
  }
  return { sentence, signal }
}
