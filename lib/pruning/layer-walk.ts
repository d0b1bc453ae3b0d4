import type {
  CollectRequest,
  MomentsHandle,
  NativeSpec,
  WalkHandle,
  WalkStage,
  WeightSource,
} from '../../binding.js'
import { addon, native } from '../addon.js'
import type { LinearSlot } from '../architecture/spec.js'
import { type Decision, nothingDecided, specOf, weightSources } from '../checkpoint/decision.js'
import { parseLayerSlot } from '../checkpoint/structure.js'
import { inOrders } from './orders.js'
import type { StepContext } from './pattern.js'

/** The linears of each stage, in the order of the forward pass. */
export const stages: readonly (readonly [WalkStage, readonly LinearSlot[]])[] = [
  ['attention', ['query', 'key', 'value']],
  ['attentionOutput', ['attentionOutput']],
  ['ffnIn', ['ffnIn']],
  ['ffnOut', ['ffnOut']],
]

/** Tokens in a layer's larger activations at a time: a feed-forward of 3,072 neurons takes 50 MB for them. */
const chunkTokens = 4096

/** What is collected before a stage; see binding.d.ts. */
export type Collecting = Pick<CollectRequest, 'full' | 'target'>

/** What a walk needs to know. */
export type WalkContext = Pick<
  StepContext,
  'base' | 'slots' | 'decision' | 'calibration' | 'signal' | 'threads'
>

/** The calibration data on its way through the layers that are left, as decided so far. */
export class LayerWalk {
  readonly #context: WalkContext
  readonly #handle: WalkHandle
  /** The decision of the dense model: every weight as stored, in the present order, but no layer that is gone. */
  readonly #dense: Decision | null

  private constructor(context: WalkContext, handle: WalkHandle, dense: Decision | null) {
    this.#context = context
    this.#handle = handle
    this.#dense = dense
  }

  /** @param dense whether targets of the dense model will be asked for */
  static async open(context: WalkContext, dense: boolean): Promise<LayerWalk> {
    const { base, decision, calibration, signal, threads } = context
    const { ids, types, offsets } = calibration!
    const request = {
      spec: nativeSpec(context),
      weights: outside(context),
      ...{ ids, types, offsets, dense, chunkTokens, threads },
    }
    const handle = await native((control) => addon().openWalk(request, control), { signal })
    const stored = { ...nothingDecided(base), layers: decision.layers }
    return new LayerWalk(context, handle, dense ? await inOrders(context, stored, decision.orders) : null)
  }

  /** Sums over the inputs of a stage of the layer before which the walk stands; over those of `into` too. */
  async collect(
    layer: number,
    stage: WalkStage,
    decision: Decision,
    { full, target }: Collecting,
    into?: MomentsHandle,
  ): Promise<MomentsHandle> {
    const request = { layer, stage, full, target, ...this.#weights(layer, decision), ...(into && { into }) }
    return native((control) => addon().collectMoments(this.#handle, request, control), this.#options())
  }

  /** Through the layer before which the walk stands, as decided. */
  async advance(layer: number, decision: Decision): Promise<void> {
    const request = { layer, ...this.#weights(layer, decision) }
    await native((control) => addon().advanceWalk(this.#handle, request, control), this.#options())
  }

  dispose(): void {
    addon().disposeWalk(this.#handle)
  }

  #weights(layer: number, decision: Decision) {
    const { base } = this.#context
    const { weights: set } = base.layers[decision.layers[layer]!]!
    const weights = ofSet(this.#context, decision, set)
    return this.#dense === null
      ? { weights }
      : { weights, denseWeights: ofSet(this.#context, this.#dense, set) }
  }

  #options() {
    return { signal: this.#context.signal }
  }
}

function nativeSpec({ base, decision }: WalkContext): NativeSpec {
  const spec = specOf(base, decision, 'mask')
  return { ...spec, layers: spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] })) }
}

function outside({ slots, base, decision }: WalkContext): Record<string, WeightSource> {
  const sources = weightSources(slots, base, decision, 'mask')
  return Object.fromEntries([...sources].filter(([slot]) => parseLayerSlot(slot) === null))
}

function ofSet({ slots, base }: WalkContext, decision: Decision, set: number): Record<string, WeightSource> {
  const sources = weightSources(slots, base, decision, 'mask')
  return Object.fromEntries([...sources].filter(([slot]) => parseLayerSlot(slot)?.weights === set))
}
