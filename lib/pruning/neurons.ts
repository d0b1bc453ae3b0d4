import { keptInner } from '../checkpoint/structure.js'
import type { StepContext, StepOutcome } from './pattern.js'
import { type Quota, share } from './ranking.js'
import type { NeuronCountStep, NeuronFractionStep } from './recipe-types.js'
import { setsInScope } from './scope.js'
import { removeLowest } from './unit-step.js'
import { storedUnits } from './units.js'

/**
 * Removes exactly `remove` neurons of those that are there, or as many more as it takes until `round(fraction × n)`
 * of a layer's n stored ones (or of all) are gone.
 * @throws RangeError when there are fewer than `remove`
 */
export async function removeLowestNeurons(
  context: StepContext,
  step: NeuronCountStep | NeuronFractionStep,
  at: string,
): Promise<StepOutcome> {
  const sets = setsInScope(context, step.layers)
  return removeLowest({ context, kind: 'neurons', at }, step, sets, quotaOf(context, step, at, sets))
}

function quotaOf(
  context: StepContext,
  step: NeuronCountStep | NeuronFractionStep,
  at: string,
  sets: readonly number[],
): Quota {
  const spare = new Map(sets.map((set) => [set, keptInner(context.base, context.decision, set)]))
  const there = sum([...spare.values()])
  if ('remove' in step) {
    if (step.remove <= there) return { count: step.remove, spare }
    throw new RangeError(
      `Expected \`${at}.remove\` to be at most ${there}, as many neurons as the ${sets.length} weight sets in scope have, got ${step.remove}.`,
    )
  }
  const stored = (set: number) => storedUnits(context, 'neurons', set)
  const more = (count: number, kept: number) => Math.max(0, share(step.fraction, count) - (count - kept))
  if (step.per === 'global') return { count: more(sum(sets.map(stored)), there), spare }
  const each = new Map(sets.map((set) => [set, more(stored(set), spare.get(set)!)]))
  return { count: sum([...each.values()]), spare: each, each: true }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
