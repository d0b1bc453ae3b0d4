import { type EncoderSpec, maxTokens } from '../architecture/spec.js'
import { expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import { nothingDecided } from '../checkpoint/decision.js'
import { keepTimes, keptTimes, type LayerTimes, placeOf } from './cache.js'
import { type LayerSize, layerSubject } from './layer-subject.js'
import { matrixTimes } from './matrices.js'
import { modelSubject } from './model-subject.js'
import { checkLatencyOptions, checkPattern, type LatencyOptions, type LatencySettings } from './options.js'
import { type CountTime, type LatencyTable, type MatrixTime, rising } from './table.js'
import { leastTimes } from './timing.js'

export type MeasureOptions = LatencyOptions & {
  /** Of the zeros that sparse matrices are timed with. @default '2:4' */
  readonly pattern?: '1:2' | '1:4' | '2:4' | '4:8' | undefined
}

/** Numbers of heads or neurons that are timed, beside none. */
const most = 8
/** Layers of a timed stack: what one costs is the stack without its embeddings, divided. */
const stacked = 2

/**
 * What the layers of a checkpoint's base cost by numbers of heads and of neurons, on the kernels that run them: the least
 * of interleaved rounds. Layers are timed with made numbers and brought into line with the model itself, whose time
 * with everything and without heads and neurons is measured too. Layer times are kept in the user's cache directory.
 * @throws TypeError, RangeError; as `Encoder.load`; `signal.reason`
 */
export async function measureLatency(checkpoint: Checkpoint, options: MeasureOptions): Promise<LatencyTable> {
  const { pattern: named, ...rest } = options
  const settings = checked(checkpoint, rest)
  const pattern = checkPattern('pattern', named)
  const { base } = checkpoint
  const size = fullSize(base)

  const place = placeOf(base, size, pattern, settings)
  const kept = await keptTimes(place)
  const times = kept ?? (await layerTimes(base, size, pattern, settings))
  if (kept === undefined) await keepTimes(place, times)
  const [dense, fixed] = await timed([stored(checkpoint), bare(checkpoint)], settings)

  const { load, batch, length } = settings
  const { device, dtype, threads } = load
  const whole = base.layers.length * (times.heads.at(-1)!.milliseconds + times.neurons.at(-1)!.milliseconds)
  const scale = whole > 0 && dense! > fixed! ? (dense! - fixed!) / whole : 1
  return {
    ...{ device: device.name, dtype, threads, batch, length, fixed: fixed!, dense: dense! },
    heads: scaled(times.heads, scale),
    neurons: scaled(times.neurons, scale),
    matrices: { pattern, times: scaledMatrices(times, scale) },
  }
}

/**
 * Milliseconds of a batch by each checkpoint as it is: the least of interleaved rounds, so that they can be compared.
 * @throws as `measureLatency`
 */
export async function timeCheckpoints(
  checkpoints: readonly Checkpoint[],
  options: LatencyOptions,
): Promise<number[]> {
  if (!Array.isArray(checkpoints) || checkpoints.length === 0)
    throw new TypeError(expected('checkpoints', 'a list of open Checkpoints', checkpoints))
  const all = checkpoints.map((checkpoint) => checked(checkpoint, options))
  return timed(checkpoints, all[0]!)
}

function checked(checkpoint: unknown, options: LatencyOptions): LatencySettings {
  if (!(checkpoint instanceof Checkpoint))
    throw new TypeError(expected('checkpoint', 'an open Checkpoint', checkpoint))
  return checkLatencyOptions(options, maxTokens(checkpoint.spec))
}

function timed(checkpoints: readonly Checkpoint[], settings: LatencySettings): Promise<number[]> {
  return leastTimes(
    checkpoints.map((checkpoint) => () => modelSubject(checkpoint, settings)),
    settings.load,
  )
}

async function layerTimes(
  base: EncoderSpec,
  size: LayerSize,
  pattern: string,
  settings: LatencySettings,
): Promise<LayerTimes> {
  const heads = countsUpTo(size.heads)
  const neurons = countsUpTo(size.neurons)
  const sizes = [
    { heads: 0, neurons: 0 },
    ...heads.map((count) => ({ heads: count, neurons: 0 })),
    ...neurons.map((count) => ({ heads: 0, neurons: count })),
  ]
  const [none, ...rest] = await leastTimes(
    sizes.map((each) => () => layerSubject(base, each, stacked, settings)),
    settings.load,
  )
  const own = rest.map((time) => Math.max(0, time - none!) / stacked)
  const withNone = (counts: readonly number[], times: readonly number[]): CountTime[] => [
    { count: 0, milliseconds: 0 },
    ...rising(counts.map((count, at) => ({ count, milliseconds: times[at]! }))),
  ]
  return {
    heads: withNone(heads, own.slice(0, heads.length)),
    neurons: withNone(neurons, own.slice(heads.length)),
    matrices: await matrixTimes(base, size, pattern, settings),
  }
}

/** At most `most` numbers, evenly spread, the last of them all. */
function countsUpTo(count: number): number[] {
  const parts = Math.min(most, count)
  return Array.from({ length: parts }, (_, part) => Math.round(((part + 1) * count) / parts))
}

function fullSize({ layers }: EncoderSpec): LayerSize {
  return {
    heads: layers.reduce((high, { heads }) => Math.max(high, heads.length), 0),
    neurons: layers.reduce((high, { inner }) => Math.max(high, inner), 0),
  }
}

function scaled(times: readonly CountTime[], factor: number): CountTime[] {
  return times.map(({ count, milliseconds }) => ({ count, milliseconds: milliseconds * factor }))
}

function stored(checkpoint: Checkpoint): Checkpoint {
  return checkpoint.withDecision(nothingDecided(checkpoint.base))
}

/** Matrices were timed alone: a feed-forward is its two, so that its time says how much longer they take in a model. */
function scaledMatrices({ matrices, neurons }: LayerTimes, scale: number): LatencyTable['matrices']['times'] {
  const { attention, attentionOutput, ffnIn, ffnOut } = matrices.times
  const alone = ffnIn.dense + ffnOut.dense
  const inside = neurons.at(-1)!.milliseconds
  // Of a tiny layer noise can hide all of the time.
  const factor = alone > 0 && inside > 0 ? (scale * inside) / alone : scale
  const by = ({ dense, sparse }: MatrixTime) => ({ dense: dense * factor, sparse: sparse * factor })
  return {
    attention: by(attention),
    attentionOutput: by(attentionOutput),
    ffnIn: by(ffnIn),
    ffnOut: by(ffnOut),
  }
}

/** Without heads and neurons. */
function bare(checkpoint: Checkpoint): Checkpoint {
  const { base } = checkpoint
  const sets = base.layers.map(({ weights }) => weights)
  return checkpoint.withDecision({
    ...nothingDecided(base),
    heads: new Map(sets.map((set) => [set, []])),
    neurons: new Map(sets.map((set) => [set, new Int32Array()])),
  })
}
