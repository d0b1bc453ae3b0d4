import type { Decision } from '../checkpoint/decision.js'
import { parseLayerSlot } from '../checkpoint/structure.js'
import { calibrationNotes } from './calibration-notes.js'
import { updateLinear } from './change-linear.js'
import { layerStops } from './layer-stops.js'
import type { LinearOutcome, StepContext } from './pattern.js'
import type { WeightUpdate } from './recipe-types.js'
import type { ScopedWeight } from './scope.js'
import { keptUnits, type UnitKind } from './units.js'

type Updated = {
  readonly decision: Decision
  readonly linears: readonly LinearOutcome[]
  readonly notes: readonly string[]
}

/** Units of weight sets, heads or neurons or both. */
type Losing = {
  readonly context: StepContext
  readonly kinds: readonly UnitKind[]
  readonly sets: readonly number[]
}

/**
 * New numbers for the linears that read the units: those of the sets that lost some, over the inputs that are left.
 * Layers are taken in their order on what the ones before have become; a layer's own units go when what it reads was
 * collected, so that its output as it was is known.
 * @param chosen the decision without the units
 */
export async function updateOutputs(
  { context, kinds, sets }: Losing,
  step: WeightUpdate,
  chosen: Decision,
): Promise<Updated> {
  if (step.update === undefined || step.update === 'none') return { decision: chosen, linears: [], notes: [] }
  const { base } = context
  const left = (decided: Decision, kind: UnitKind, set: number) =>
    keptUnits({ base, decision: decided }, kind, set).length
  const scope = sets.flatMap((set) =>
    kinds
      .filter((kind) => left(chosen, kind, set) < left(context.decision, kind, set))
      .map((kind) => outputSlot(kind, set))
      .map((slot) => ({ slot, stored: context.slots.get(slot)! })),
  )
  const linears: LinearOutcome[] = []
  let { decision } = context
  if (scope.length > 0) {
    const stopping = { full: true, target: step.target!, prefix: 'pruned' } as const
    for await (const stop of layerStops(context, scope, stopping, () => decision)) {
      for (const weight of stop.weights) {
        const without = withSetOf(decision, chosen, weight)
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
function withSetOf(decision: Decision, chosen: Decision, { slot }: ScopedWeight): Decision {
  const { weights: set, linear } = parseLayerSlot(slot)!
  if (linear === 'attentionOutput') {
    return { ...decision, heads: new Map(decision.heads).set(set, chosen.heads.get(set)!) }
  }
  return { ...decision, neurons: new Map(decision.neurons).set(set, chosen.neurons.get(set)!) }
}
