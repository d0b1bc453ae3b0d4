import type { Decision } from '../../checkpoint/decision.js'
import { updateLinear } from '../change-linear.js'
import { layerStops } from '../layer-stops.js'
import type { LinearOutcome, StepContext } from '../pattern.js'
import type { WeightUpdate } from '../recipe-types.js'
import { weightsInScope } from '../scope.js'

/**
 * New numbers for what reads heads and neurons that are left, the outputs of attention and of the feed-forward, layer by
 * layer on the pruned prefix.
 * @param context whose decision says what is left
 */
export async function compensated(
  context: StepContext,
  step: WeightUpdate,
): Promise<{ readonly decision: Decision; readonly linears: readonly LinearOutcome[] }> {
  let { decision } = context
  const linears: LinearOutcome[] = []
  const scope = weightsInScope(
    context,
    ['attentionOutput', 'ffnOut'],
    context.base.layers.map((_, layer) => layer),
  )
  const stopping = { full: true, target: step.target!, prefix: 'pruned' } as const
  for await (const stop of layerStops(context, scope, stopping, () => decision)) {
    for (const weight of stop.weights) {
      const changed = await updateLinear(context, decision, step, { weight, stop })
      decision = changed.decision
      linears.push(changed.outcome)
    }
  }
  return { decision, linears }
}
