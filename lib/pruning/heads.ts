import { keptHeads } from '../checkpoint/structure.js'
import type { StepContext, StepOutcome } from './pattern.js'
import type { HeadListStep, HeadScoreStep } from './recipe-types.js'
import { setsInScope } from './scope.js'
import { removeLowest } from './unit-step.js'
import { storedUnits, withoutUnits } from './units.js'

/** Removes named heads of layers that are still there; heads that are gone already stay gone. */
export function removeListedHeads(context: StepContext, { list }: HeadListStep): StepOutcome {
  const { base, decision } = context
  const named = new Map<number, Set<number>>()
  for (const [layer, heads] of Object.entries(list)) {
    if (!decision.layers.includes(Number(layer))) continue
    const { weights } = base.layers[Number(layer)]!
    named.set(weights, new Set([...(named.get(weights) ?? []), ...heads]))
  }
  const sets = [...named.keys()]
  const after = withoutUnits(context, 'heads', named)
  const left = (at: typeof decision) => sum(sets.map((set) => keptHeads(base, at, set).length))
  const of = sum(sets.map((set) => storedUnits(context, 'heads', set)))
  const removed = left(decision) - left(after)
  return { decision: after, report: { pattern: 'heads', unit: 'heads', of, removed } }
}

/** Removes exactly `remove` heads. @throws RangeError when fewer may go */
export async function removeLowestHeads(
  context: StepContext,
  step: HeadScoreStep,
  at: string,
): Promise<StepOutcome> {
  const { base, decision } = context
  const sets = setsInScope(context, step.layers)
  const spare = new Map(
    sets.map((set) => [set, Math.max(0, keptHeads(base, decision, set).length - step.minimum)]),
  )
  checkEnough(step, at, sets.length, sum([...spare.values()]))
  return removeLowest({ context, kind: 'heads', at }, step, sets, { count: step.remove, spare })
}

function checkEnough({ remove, minimum }: HeadScoreStep, at: string, sets: number, possible: number): void {
  if (remove <= possible) return
  const why = minimum === 0 ? '' : ` beyond the minimum of ${minimum} each`
  throw new RangeError(
    `Expected \`${at}.remove\` to be at most ${possible}, as many heads as the ${sets} weight sets in scope have${why}, got ${remove}.`,
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
