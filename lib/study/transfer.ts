import type { RecipeStep } from '../pruning/recipe.js'
import type { HeadRow } from '../pruning/score-heads.js'
import type { CurveMethod } from './curve-types.js'
import { checkRows, type NamedRanking } from './rankings.js'
import { reversed } from './series.js'

/**
 * Methods for `curve` that prune heads by given orders, wherever those come from, each with its reversed control.
 * @throws TypeError, RangeError
 */
export function transferMethods(rankings: readonly NamedRanking[]): CurveMethod[] {
  return rankings.flatMap(({ name, heads }, at) => {
    const rows = checkRows(`rankings[${at}].heads`, heads)
    return [byOrder(name, goingFirst(rows, 1)), byOrder(reversed(name), goingFirst(rows, -1))]
  })
}

function byOrder(name: string, order: readonly HeadRow[]): CurveMethod {
  const recipe = (_: unknown, count: number) => ({ steps: [without(order.slice(0, count))] })
  return { name, unit: 'heads', recipe }
}

/** As a step by a score has it: of equal scores the later head goes first. */
function goingFirst(rows: readonly HeadRow[], sign: 1 | -1): HeadRow[] {
  return rows.toSorted((a, b) => sign * (a[2] - b[2]) || b[0] - a[0] || b[1] - a[1])
}

function without(rows: readonly HeadRow[]): RecipeStep {
  const list: Record<string, number[]> = {}
  for (const [layer, head] of rows) list[layer] = [...(list[layer] ?? []), head]
  return { pattern: 'heads', list }
}
