import type { SelectRequest } from '../../binding.js'
import { addon, native } from '../addon.js'
import type { Slot } from '../architecture/spec.js'
import type { Decision } from '../checkpoint/decision.js'
import type { Stop } from './layer-stops.js'
import { inverse, rewritten } from './orders.js'
import type { PermutationOutcome, StepContext } from './pattern.js'
import { orderFor, permutes } from './permute.js'
import type { WeightStep } from './weight-step.js'

/** A calibrated step that may permute: what was decided so far, and the orders that were found. */
export type Ordering = {
  readonly context: StepContext
  readonly step: WeightStep
  readonly pattern: SelectRequest['pattern']
  /** Inputs stand in the order that they had before the step: the walk goes on in it. */
  decision: Decision
  readonly orders: Map<Slot, Int32Array>
  readonly permutations: PermutationOutcome[]
}

/**
 * Decides at a stop in the order of inputs that serves the score best, where the step permutes. The decision is turned
 * back afterwards, for the rows that make these inputs stand as they were until the step is over.
 */
export async function decideInOrder(
  work: Ordering,
  stop: Stop,
  decide: (stop: Stop) => Promise<void>,
): Promise<void> {
  const { context, step, pattern } = work
  const weight = stop.weights[0]!
  if (!permutes(context, step, pattern, weight)) return decide(stop)
  const now = { ...context, decision: work.decision }
  const { order, outcome } = await orderFor(now, step, pattern, weight, stop.moments)
  work.orders.set(weight.slot, order)
  work.permutations.push(outcome)

  const { signal } = context
  const moments = await native((control) => addon().reorderMoments(stop.moments, { order }, control), {
    signal,
  })
  work.decision = await rewritten(context, work.decision, weight.slot, { columns: order })
  await decide({ ...stop, moments })
  work.decision = await rewritten(context, work.decision, weight.slot, { columns: inverse(order) })
}
