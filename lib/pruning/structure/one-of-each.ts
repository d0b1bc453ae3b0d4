/** What may be chosen in one place, with its cost and its worth. */
export type Choice = { readonly cost: number; readonly value: number }

/** Steps that the limit is cut into: costs are rounded up to one, so that no choice goes over. */
const steps = 10_000
const slack = 1e-9

/**
 * One choice for each place, with the greatest sum of values whose costs stay within the limit: the knapsack problem of
 * multiple choice, by dynamic programming over costs in ten-thousandths of the limit.
 * @returns the index of each place's choice; undefined where even the cheapest are too much
 */
export function chooseOneOfEach(places: readonly (readonly Choice[])[], limit: number): number[] | undefined {
  if (limit < 0) return undefined
  const widthOf = ({ cost }: Choice) => (cost === 0 ? 0 : Math.ceil((cost * steps) / limit - slack))
  let best = new Float64Array(steps + 1).fill(Number.NEGATIVE_INFINITY)
  best[0] = 0
  const chosen: Uint16Array[] = []
  for (const choices of places) {
    const next = new Float64Array(steps + 1).fill(Number.NEGATIVE_INFINITY)
    const from = new Uint16Array(steps + 1)
    for (const [at, choice] of choices.entries()) {
      const width = widthOf(choice)
      for (let used = width; used <= steps; used++) {
        const worth = best[used - width]! + choice.value
        if (worth <= next[used]!) continue
        next[used] = worth
        from[used] = at
      }
    }
    chosen.push(from)
    best = next
  }
  return tracedBack(places, chosen, best, widthOf)
}

function tracedBack(
  places: readonly (readonly Choice[])[],
  chosen: readonly Uint16Array[],
  best: Float64Array,
  widthOf: (choice: Choice) => number,
): number[] | undefined {
  let used = 0
  for (let at = 1; at <= steps; at++) if (best[at]! > best[used]!) used = at
  if (best[used] === Number.NEGATIVE_INFINITY) return undefined
  const result: number[] = []
  for (let place = places.length - 1; place >= 0; place--) {
    const choice = chosen[place]![used]!
    result.unshift(choice)
    used -= widthOf(places[place]![choice]!)
  }
  return result
}
