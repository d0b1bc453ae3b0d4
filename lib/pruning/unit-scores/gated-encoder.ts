import type {
  DifferentiableHandle,
  GateGradients,
  GradientResult,
  Pooling,
  WeightSource,
} from '../../../binding.js'
import { addon, native } from '../../addon.js'
import type { EncoderSpec } from '../../architecture/spec.js'
import { specOf, weightSources } from '../../checkpoint/decision.js'
import { TwofourError } from '../../errors.js'
import { readSentenceConfig } from '../../sentence-config.js'
import { GateLayout } from './gate-layout.js'
import { type Batch, type Objective, sequencesOf } from './objective.js'
import type { Ranked, Scorer } from './unit-score.js'

/** A reduction of derivatives by gates: over applications of a weight set they are summed before it. */
export type Reduction = Exclude<keyof GateGradients, 'examples' | 'batches'>

export type Asked = {
  readonly objective: Objective
  /** [units] */
  readonly gates: Float32Array
  /** Minibatches as boundaries between sequences. @default all in one */
  readonly batches?: Int32Array
  /** Does not tell its progress: it is one of many. */
  readonly quiet?: boolean
}

/**
 * The model as it is before a step, in fp32, with a gate at each unit: what a head's context or a neuron's activation is
 * multiplied with. A gate of 0 is a unit that is gone. Its gate is one in all layers that share a weight set.
 */
export class GatedEncoder {
  readonly spec: EncoderSpec
  readonly ranked: Ranked
  readonly #poolings: readonly Pooling[]
  readonly #handle: DifferentiableHandle
  readonly #layout: GateLayout

  private constructor(
    ranked: Ranked,
    spec: EncoderSpec,
    poolings: readonly Pooling[],
    handle: DifferentiableHandle,
  ) {
    this.spec = spec
    this.ranked = ranked
    this.#poolings = poolings
    this.#handle = handle
    this.#layout = new GateLayout(ranked, spec)
  }

  /** A scorer that has the encoder to itself and disposes of it. */
  static async scorer(
    ranked: Ranked,
    make: (encoder: GatedEncoder) => Promise<Omit<Scorer, 'dispose'>>,
  ): Promise<Scorer> {
    const encoder = await GatedEncoder.#open(ranked)
    const dispose = () => addon().disposeDifferentiable(encoder.#handle)
    try {
      return { ...(await make(encoder)), dispose }
    } catch (error) {
      dispose()
      throw error
    }
  }

  /** Disposes of the encoder when it was used. */
  static async using<T>(ranked: Ranked, use: (encoder: GatedEncoder) => Promise<T>): Promise<T> {
    const encoder = await GatedEncoder.#open(ranked)
    try {
      return await use(encoder)
    } finally {
      addon().disposeDifferentiable(encoder.#handle)
    }
  }

  static async #open(ranked: Ranked): Promise<GatedEncoder> {
    const { base, slots, decision, root, threads, signal } = ranked.context
    const spec = specOf(base, decision)
    const layers = spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] }))
    const weights: Record<string, WeightSource> = Object.fromEntries(
      weightSources(slots, base, decision, 'remove'),
    )
    const { poolings = ['mean'] } = await readSentenceConfig(root)
    const request = { spec: { ...spec, layers }, weights, threads }
    const handle = await native((control) => addon().loadDifferentiable(request, control), { signal })
    return new GatedEncoder(ranked, spec, poolings, handle)
  }

  /**
   * How sentence vectors are pooled, as `embed` does.
   * @throws TwofourError CHECKPOINT_UNSUPPORTED where several poolings stand side by side
   */
  get pooling(): Pooling {
    const [pooling, ...more] = this.#poolings
    if (more.length === 0) return pooling!
    throw new TwofourError(
      'CHECKPOINT_UNSUPPORTED',
      `Scores by sentence vectors are of one pooling; the model puts ${this.#poolings.join(' and ')} side by side. Use a score of weights, or activations.`,
      { poolings: this.#poolings },
    )
  }

  /** Derivatives of the summed loss by the gates, reduced. @returns [units] */
  async derivatives(asked: Asked, reduction: Reduction): Promise<Float64Array> {
    const result = await this.#gradients(asked, true)
    return this.#layout.ofUnits(result[this.ranked.kind]![reduction])
  }

  /**
   * Derivatives by the gates of all weight sets in the order of their numbers, heads and neurons, with all of them open.
   * @param batches minibatches as boundaries between sequences
   * @returns with a row for each example and each minibatch
   */
  rows({ batch, loss }: Objective, batches: Int32Array): Promise<GradientResult> {
    const { signal } = this.ranked.context
    const wanted = { heads: true, neurons: true, shared: true, rows: true, weights: [] }
    return native(
      (control) => addon().gradients(this.#handle, { ...batch, loss, batches, ...wanted }, control),
      {
        signal,
      },
    )
  }

  /** The loss of each example; of a `similarity` of each sequence. */
  async losses(asked: Asked): Promise<Float64Array> {
    return (await this.#gradients(asked, false)).losses
  }

  /** With all gates open: logits by sequence or by token, or vectors by sequence. */
  async outputs(
    batch: Batch,
    what: 'logits' | 'sentence',
    pooling: Pooling = this.pooling,
  ): Promise<Float32Array> {
    const { signal } = this.ranked.context
    const request = { ...batch, layer: 0, what, pooling }
    return native((control) => addon().tap(this.#handle, request, control), { signal })
  }

  #gradients({ objective, gates, batches, quiet = false }: Asked, wanted: boolean) {
    const { kind, context } = this.ranked
    const { signal, onProgress } = context
    const { batch, loss } = objective
    const request = {
      ...{ ...batch, loss, batches: batches ?? Int32Array.of(0, sequencesOf(batch)) },
      [kind === 'heads' ? 'headGates' : 'neuronGates']: this.#layout.ofApplications(gates),
      ...{ heads: wanted && kind === 'heads', neurons: wanted && kind === 'neurons' },
      ...{ shared: true, rows: false, weights: [] },
    }
    const tell = quiet || onProgress === undefined ? undefined : onSequences(onProgress)
    return native((control) => addon().gradients(this.#handle, request, control), {
      ...{ signal, onProgress: tell },
    })
  }
}

function onSequences(tell: NonNullable<Ranked['context']['onProgress']>) {
  return (done: number, total: number) => tell(done, total, 'sequences')
}
