import { checkInteger, checkKeys, checkOneOf, checkSignal, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import { type PoolingMode, poolingModes, type SentenceConfig } from '../sentence-config.js'
import type { PackedBatch } from './batch.js'
import type { Encoder } from './encoder.js'
import { choosePrefix, type PromptOptions, prefixTokens } from './prompt.js'
import { blankRequest } from './run.js'
import { closeSubscription, type Subscription } from './text-chunks.js'
import { checkTexts, runTexts, type Text, type TextsRun } from './texts.js'

export type EmbedOptions = PromptOptions & {
  /**
   * How a text's tokens become one vector; the vectors of several stand side by side.
   * @default what the model's 1_Pooling says, else 'mean'
   */
  readonly pooling?: PoolingMode | readonly PoolingMode[] | undefined
  /** Divide each vector by its length. @default true where the model has a Normalize module */
  readonly normalize?: boolean | undefined
  /**
   * Numbers that are kept of each vector, the first of them. What is left is divided by its length again where the
   * model has a Normalize module or `normalize` is true. The model's own `truncate_dim`, which is the default, only
   * cuts, as the reference does it, unless `normalize` is true.
   * @default `truncate_dim` of config_sentence_transformers.json, else all
   */
  readonly dimensions?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export type Embeddings = {
  /** [texts, width], row-major */
  readonly vectors: Float32Array
  readonly dims: readonly [texts: number, width: number]
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
  const { vectors, dims, cut } = await embedFlagged(encoder, texts, options)
  return { vectors, dims, truncated: count(cut) }
}

/** As `embed`; `cut` has for each text 1 where something of it was cut off, else 0. */
export async function embedFlagged(
  encoder: Encoder,
  texts: readonly Text[],
  options: EmbedOptions,
): Promise<Pick<Embeddings, 'vectors' | 'dims'> & { readonly cut: Uint8Array }> {
  checkTexts(texts)
  const settings = await embedSettings(encoder, options)

  const { width } = settings
  const vectors = new Float32Array(texts.length * width)
  const cut = new Uint8Array(texts.length)
  for await (const run of runEmbedding(encoder, texts, settings)) {
    cut.set(run.truncated, run.first)
    vectors.set(finished(run, settings), run.first * width)
  }
  return { vectors, dims: [texts.length, width], cut }
}

/** As `embed`, slice by slice: a few are computed ahead of what was taken, and no more texts are asked for. */
export async function* embedStream(
  encoder: Encoder,
  texts: Subscription,
  options: EmbedOptions,
): AsyncGenerator<EmbeddedTexts, void, undefined> {
  const settings = await embedSettings(encoder, options).catch(async (error: unknown) => {
    await closeSubscription(texts)
    throw error
  })

  for await (const run of runEmbedding(encoder, texts, settings)) {
    yield {
      first: run.first,
      texts: run.texts,
      vectors: finished(run, settings),
      dims: [run.texts.length, settings.width],
      truncated: count(run.truncated),
    }
  }
}

function count(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0)
}

type EmbedSettings = {
  /** Put before each text. */
  readonly prefix: string
  readonly sentence: { readonly poolings: PoolingMode[]; readonly normalize: boolean; readonly skip: number }
  /** Numbers of a vector as it is pooled, and of what is kept of it. */
  readonly pooled: number
  readonly width: number
  /** Whether what is kept is divided by its length. */
  readonly scale: boolean
  readonly signal: AbortSignal | undefined
}

const known = ['pooling', 'normalize', 'prompt', 'prefix', 'dimensions', 'signal']

async function embedSettings(encoder: Encoder, options: EmbedOptions): Promise<EmbedSettings> {
  checkKeys('options', options, known)
  const signal = checkSignal(options.signal)
  if (options.normalize !== undefined && typeof options.normalize !== 'boolean') {
    throw new TypeError(expected('normalize', 'true or false', options.normalize))
  }
  const asked = checkPooling(options.pooling)
  const config = await encoder.sentenceConfig()
  if (asked === undefined && config.unsupported !== undefined) {
    throw new TwofourError(
      'CHECKPOINT_UNSUPPORTED',
      `${config.unsupported} Name a \`pooling\` to embed without it.`,
    )
  }
  const prefix = choosePrefix(config, options)
  const poolings = [...(asked ?? config.poolings ?? (['mean'] as const))]
  const pooled = poolings.length * encoder.spec.hidden
  const { width, scale } = kept(config, options, pooled)
  const normalize = !scale && (options.normalize ?? config.normalize)
  const skip = config.includePrompt ? 0 : await prefixTokens(encoder, prefix, signal)
  return { prefix, sentence: { poolings, normalize, skip }, pooled, width, scale, signal }
}

function checkPooling(pooling: EmbedOptions['pooling']): readonly PoolingMode[] | undefined {
  if (pooling === undefined) return undefined
  if (!Array.isArray(pooling)) return [checkOneOf('pooling', pooling, poolingModes)]
  if (pooling.length === 0) throw new TypeError(expected('pooling', 'a pooling mode or several', pooling))
  return pooling.map((mode, index) => checkOneOf(`pooling[${index}]`, mode, poolingModes))
}

/** The width of a finished vector, and whether it is scaled after it was cut. */
function kept(config: SentenceConfig, { dimensions, normalize }: EmbedOptions, pooled: number) {
  const width =
    dimensions === undefined
      ? Math.min(config.dimensions ?? pooled, pooled)
      : checkInteger('dimensions', dimensions, 1, pooled)
  const chain = dimensions !== undefined && config.normalize
  return { width, scale: width < pooled && (normalize ?? chain) }
}

function runEmbedding(
  encoder: Encoder,
  texts: readonly Text[] | Subscription,
  { sentence, prefix, signal }: EmbedSettings,
): AsyncGenerator<TextsRun, void, undefined> {
  const ask = (batch: PackedBatch) => ({ ...blankRequest(batch), sentence })
  return runTexts(encoder, texts, ask, signal, prefix)
}

/** Vectors [texts, width], cut and scaled where that is wanted. */
function finished({ result, texts }: TextsRun, { pooled, width, scale }: EmbedSettings): Float32Array {
  const whole = result.sentence!
  if (width === pooled) return whole
  const vectors = new Float32Array(texts.length * width)
  for (let i = 0; i < texts.length; i++) {
    const row = whole.subarray(i * pooled, i * pooled + width)
    vectors.set(scale ? ofLength1(row) : row, i * width)
  }
  return vectors
}

/** Zeros stay. */
function ofLength1(row: Float32Array): Float32Array {
  const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
  return length === 0 ? row : row.map((value) => value / length)
}
