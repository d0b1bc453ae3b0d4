import type { MomentsHandle, WalkStage } from '../../binding.js'
import type { Decision } from '../checkpoint/decision.js'
import { parseLayerSlot } from '../checkpoint/structure.js'
import { type Collecting, LayerWalk, stages } from './layer-walk.js'
import type { StepContext } from './pattern.js'
import type { ScopedWeight } from './scope.js'
import { sharesWeights } from './updates.js'

/** Weights that read the same input, what is known of it, and over how many tokens. */
export type Stop = {
  readonly weights: readonly ScopedWeight[]
  readonly moments: MomentsHandle
  readonly tokens: number
}

/** How a walk stops: what it collects, and whether what is decided at a stop changes the inputs of later ones. */
export type Stopping = Collecting & { readonly prefix: 'pruned' | 'unchanged' }

/**
 * Takes the calibration data through the layers, and stops before the weights in scope: at each layer's stages in
 * order; but where inputs stay unchanged, or layers share weights, once for each weight set and stage when all layers
 * are passed, with sums over all that apply it in the model as it was before the step.
 * @param decided what has been decided so far
 */
export async function* layerStops(
  context: StepContext,
  scope: readonly ScopedWeight[],
  { full, target, prefix }: Stopping,
  decided: () => Decision,
): AsyncGenerator<Stop, void, undefined> {
  const { base, decision, calibration, onLayer } = context
  const sets = decision.layers.map((layer) => base.layers[layer]!.weights)
  const scoped = new Set(scope.map(setOf))
  const last = sets.findLastIndex((set) => scoped.has(set))
  const late = prefix === 'unchanged' || sharesWeights(base)
  const now = late ? () => decision : decided
  const stops = new Map<string, Stop>()
  const walk = await LayerWalk.open(context, target === 'dense')
  try {
    for (const [layer, set] of sets.slice(0, last + 1).entries()) {
      onLayer(layer, sets.length)
      for (const [stage, weights] of stagesOf(scope, set)) {
        const before = stops.get(`${set} ${stage}`)
        const moments = await walk.collect(layer, stage, now(), { full, target }, before?.moments)
        const stop = { weights, moments, tokens: (before?.tokens ?? 0) + calibration!.tokens }
        if (late) stops.set(`${set} ${stage}`, stop)
        else yield stop
      }
      if (layer < last) await walk.advance(layer, now())
    }
  } finally {
    walk.dispose()
  }
  yield* stops.values()
}

/** The stages of a weight set at which there is something in scope. */
function stagesOf(scope: readonly ScopedWeight[], set: number): [WalkStage, readonly ScopedWeight[]][] {
  const own = scope.filter((weight) => setOf(weight) === set)
  return stages.flatMap(([stage, linears]) => {
    const weights = own.filter(({ slot }) =>
      linears.some((linear) => linear === parseLayerSlot(slot)!.linear),
    )
    return weights.length === 0 ? [] : [[stage, weights] as [WalkStage, readonly ScopedWeight[]]]
  })
}

function setOf({ slot }: ScopedWeight): number | undefined {
  return parseLayerSlot(slot)?.weights
}
