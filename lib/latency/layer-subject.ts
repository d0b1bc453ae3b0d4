import type { EncoderHandle, NativeSpec, WeightSource } from '../../binding.js'
import { addon, native } from '../addon.js'
import { weightShapes } from '../architecture/shapes.js'
import type { EncoderSpec, LayerSpec } from '../architecture/spec.js'
import { keepMeasurements, knownMeasurements } from '../encoder/tuning.js'
import type { LatencySettings } from './options.js'
import type { Subject } from './timing.js'

/** So many heads and neurons in a layer of a base. */
export type LayerSize = { readonly heads: number; readonly neurons: number }

/** A kept element of a weight: what is not kept is zero. */
export type Keeps = (row: number, column: number) => boolean

const vocab = 8

/** The layers of a base alone, with few embeddings and numbers from nowhere: what they compute is thrown away. */
export async function loadLayers(
  base: EncoderSpec,
  { heads, neurons }: LayerSize,
  count: number,
  { length, load }: LatencySettings,
  keeps: Keeps = () => true,
): Promise<EncoderHandle> {
  const layer = (weights: number): LayerSpec => ({
    weights,
    heads: Array.from({ length: heads }, (_, head) => head),
    inner: neurons,
  })
  const spec: EncoderSpec = {
    ...{ ...base, vocab, positions: length, positionPadding: null, tokenTypes: 0 },
    ...{ embedding: base.hidden, projection: false, pooler: false, head: null, layersPerState: 1 },
    layers: Array.from({ length: count }, (_, weights) => layer(weights)),
  }
  const request = {
    spec: nativeSpec(spec),
    weights: madeWeights(spec, keeps),
    ...{ device: load.backend, libraries: load.libraries, dtype: load.dtype, float32: [] },
    sparsity: load.sparsity,
    tuning: { budget: load.tuningBudget, known: await knownMeasurements(load.tuning) },
    calibration: undefined,
    ...{ threads: load.threads, maxTokens: load.maxTokens },
  }
  const handle = await native((control) => addon().loadEncoder(request, control), { signal: load.signal })
  await keepMeasurements(load.tuning, addon().measuredByEncoder(handle))
  return handle
}

export async function layerSubject(
  base: EncoderSpec,
  size: LayerSize,
  count: number,
  settings: LatencySettings,
): Promise<Subject> {
  const handle = await loadLayers(base, size, count, settings)
  const { batch, length, load } = settings
  const request = {
    ids: Int32Array.from({ length: batch * length }, (_, at) => at % vocab),
    types: new Int32Array(),
    offsets: Int32Array.from({ length: batch + 1 }, (_, at) => at * length),
    ...{ lastHiddenState: false, pooled: false, logits: false, hiddenStates: false },
    sentence: { poolings: ['mean' as const], normalize: false, skip: 0 },
  }
  const run = (): Promise<{ nanoseconds: number }> =>
    native((control) => addon().runEncoder(handle, { ...request }, control), { signal: load.signal })
  return {
    run: async () => (await run()).nanoseconds / 1e6,
    dispose: () => addon().disposeEncoder(handle),
  }
}

function nativeSpec(spec: EncoderSpec): NativeSpec {
  return { ...spec, layers: spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] })) }
}

function madeWeights(spec: EncoderSpec, keeps: Keeps): Record<string, WeightSource> {
  const sources = [...weightShapes(spec)].map(([slot, shape]): [string, WeightSource] => {
    const [rows = 1, columns = 1] = shape
    const numbers = new Float32Array(rows * columns)
    const masked = slot.startsWith('layers.') && shape.length === 2
    for (let at = 0; at < numbers.length; at++) {
      const kept = !masked || keeps(Math.floor(at / columns), at % columns)
      // Neither zeros nor subnormal numbers, which some machines multiply more slowly.
      if (kept) numbers[at] = 0.05 * (((at * 7919) % 101) / 50 - 1.001)
    }
    return [slot, { name: slot, dtype: 'F32', shape: [...shape], data: new Uint8Array(numbers.buffer) }]
  })
  return Object.fromEntries(sources)
}
