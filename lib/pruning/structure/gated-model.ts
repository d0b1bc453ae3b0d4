import type { DifferentiableHandle, GradientResult, Loss, Pooling, WeightSource } from '../../../binding.js'
import { addon, native } from '../../addon.js'
import type { EncoderSpec } from '../../architecture/spec.js'
import { specOf, weightSources } from '../../checkpoint/decision.js'
import { readSentenceConfig } from '../../sentence-config.js'
import type { StepContext } from '../pattern.js'

/** Sequences from the first to before the second. */
export type Range = readonly [number, number]

/** The model as it is before a step, in fp32, with a gate at each head and neuron, over the calibration data. */
export class GatedModel {
  readonly spec: EncoderSpec
  /** How sentence vectors are pooled. */
  readonly pooling: Pooling
  readonly #context: StepContext
  readonly #handle: DifferentiableHandle

  private constructor(
    context: StepContext,
    spec: EncoderSpec,
    pooling: Pooling,
    handle: DifferentiableHandle,
  ) {
    this.spec = spec
    this.pooling = pooling
    this.#context = context
    this.#handle = handle
  }

  static async open(context: StepContext): Promise<GatedModel> {
    const { base, slots, decision, directory, threads, signal } = context
    const spec = specOf(base, decision)
    const layers = spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] }))
    const sources = weightSources(slots, base, decision, 'remove')
    const weights: Record<string, WeightSource> = Object.fromEntries(sources)
    const { pooling = 'mean' } = await readSentenceConfig(directory)
    const request = { spec: { ...spec, layers }, weights, threads }
    const handle = await native((control) => addon().loadDifferentiable(request, control), { signal })
    return new GatedModel(context, spec, pooling, handle)
  }

  /** Derivatives by the gates of weight sets in the order of their numbers: one row for each minibatch and example. */
  gradients(range: Range, loss: Loss, batches: Int32Array): Promise<GradientResult> {
    const { signal } = this.#context
    const request = {
      ...{ ...this.#slice(range), loss, batches, heads: true, neurons: true },
      ...{ shared: true, rows: true, weights: [] },
    }
    return native((control) => addon().gradients(this.#handle, request, control), { signal })
  }

  /** Logits by sequence or token, or vectors by sequence. */
  outputs(range: Range, what: 'logits' | 'sentence'): Promise<Float32Array> {
    const { signal } = this.#context
    const request = { ...this.#slice(range), layer: 0, what, pooling: this.pooling }
    return native((control) => addon().tap(this.#handle, request, control), { signal })
  }

  tokensOf([from, to]: Range): number {
    const { offsets } = this.#context.calibration!
    return offsets[to]! - offsets[from]!
  }

  dispose(): void {
    addon().disposeDifferentiable(this.#handle)
  }

  #slice([from, to]: Range) {
    const { ids, types, offsets } = this.#context.calibration!
    const [first, end] = [offsets[from]!, offsets[to]!]
    return {
      ids: ids.slice(first, end),
      types: types.slice(first, end),
      offsets: offsets.slice(from, to + 1).map((offset) => offset - first),
    }
  }
}
