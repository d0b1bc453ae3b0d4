import type { Decision } from '../checkpoint/decision.js'
import { parseLayerSlot } from '../checkpoint/structure.js'
import { calibrationNotes } from './calibration-notes.js'
import { updateLinear } from './change-linear.js'
import { layerStops } from './layer-stops.js'
import type { LinearOutcome } from './pattern.js'
import type { WeightUpdate } from './recipe-types.js'
import type { ScopedWeight } from './scope.js'
import type { Ranked } from './unit-scores/unit-score.js'
import { keptUnits, type UnitKind } from './units.js'

type Updated = {
  readonly decision: Decision
  readonly linears: readonly LinearOutcome[]
  readonly notes: readonly string[]
}

/**
 * New numbers for the linears that read the units: those of the sets that lost some, over the inputs that are left.
 * Layers are taken in their order on what the ones before have become; a layer's own units go when what it reads was
 * collected, so that its output as it was is known.
 * @param chosen the decision without the units
 */
export async function updateOutputs(
  { context, kind, sets }: Ranked,
  step: WeightUpdate,
  chosen: Decision,
): Promise<Updated> {
  if (step.update === undefined || step.update === 'none') return { decision: chosen, linears: [], notes: [] }
  const { base } = context
  const lost = sets.filter(
    (set) => keptUnits({ base, decision: chosen }, kind, set).length < keptUnits(context, kind, set).length,
  )
  const scope = lost
    .map((set) => outputSlot(kind, set))
    .map((slot) => ({ slot, stored: context.slots.get(slot)! }))
  const linears: LinearOutcome[] = []
  let { decision } = context
  if (scope.length > 0) {
    const stopping = { full: true, target: step.target!, prefix: 'pruned' } as const
    for await (const stop of layerStops(context, scope, stopping, () => decision)) {
      for (const weight of stop.weights) {
        const without = withSetOf(decision, chosen, kind, weight)
        const changed = await updateLinear(context, without, step, { weight, stop })
        decision = changed.decision
        linears.push(changed.outcome)
      }
    }
  }
  const { heads, neurons } = chosen
  return {
    decision: { ...decision, heads, neurons },
    linears,
    notes: calibrationNotes(context, step, linears),
  }
}

/** The weight that reads the units. */
export function outputSlot(kind: UnitKind, set: number): string {
  return `layers.${set}.${kind === 'heads' ? 'attentionOutput' : 'ffnOut'}.weight`
}

/** With the units of one weight set as they will be. */
function withSetOf(decision: Decision, chosen: Decision, kind: UnitKind, { slot }: ScopedWeight): Decision {
  const { weights: set } = parseLayerSlot(slot)!
  if (kind === 'heads') {
    return { ...decision, heads: new Map(decision.heads).set(set, chosen.heads.get(set)!) }
  }
  return { ...decision, neurons: new Map(decision.neurons).set(set, chosen.neurons.get(set)!) }
}
