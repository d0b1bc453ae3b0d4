/** What may be chosen in one place, with its cost and its worth. */
export type Choice = { readonly cost: number; readonly value: number }

/** Parts that the limit is cut into. */
const parts = 10_000

/** The best that is known for each part of the limit: its cost and worth, and how it came about. */
type Row = {
  /** Negative infinity where nothing costs so much. */
  readonly values: Float64Array
  readonly costs: Float64Array
  /** The choice in this row's place, and the part that it was added to. */
  readonly choices: Uint16Array
  readonly from: Uint16Array
}

/**
 * One choice for each place, with the greatest sum of values whose costs stay within the limit: the knapsack problem of
 * multiple choice, by dynamic programming. Of sums of costs within one ten-thousandth of the limit the one with the
 * greatest worth is followed up; sums themselves are exact.
 * @returns the index of each place's choice; undefined where none is within the limit
 */
export function chooseOneOfEach(places: readonly (readonly Choice[])[], limit: number): number[] | undefined {
  if (limit < 0) return undefined
  let row = emptyRow()
  row.values[0] = 0
  const rows: Row[] = []
  for (const choices of places) {
    row = extended(row, choices, limit)
    rows.push(row)
  }
  let best = 0
  for (let part = 1; part <= parts; part++) if (row.values[part]! > row.values[best]!) best = part
  return row.values[best] === Number.NEGATIVE_INFINITY ? undefined : tracedBack(rows, best)
}

function extended(before: Row, choices: readonly Choice[], limit: number): Row {
  const row = emptyRow()
  for (let from = 0; from <= parts; from++) {
    if (before.values[from] === Number.NEGATIVE_INFINITY) continue
    for (const [choice, { cost, value }] of choices.entries()) {
      const sum = before.costs[from]! + cost
      if (sum > limit) continue
      const part = sum === 0 ? 0 : Math.min(parts, Math.floor((sum * parts) / limit))
      const worth = before.values[from]! + value
      const better = worth > row.values[part]! || (worth === row.values[part]! && sum < row.costs[part]!)
      if (!better) continue
      row.values[part] = worth
      row.costs[part] = sum
      row.choices[part] = choice
      row.from[part] = from
    }
  }
  return row
}

function emptyRow(): Row {
  const count = parts + 1
  return {
    values: new Float64Array(count).fill(Number.NEGATIVE_INFINITY),
    costs: new Float64Array(count),
    choices: new Uint16Array(count),
    from: new Uint16Array(count),
  }
}

function tracedBack(rows: readonly Row[], best: number): number[] {
  let part = best
  const chosen: number[] = []
  for (const { choices, from } of rows.toReversed()) {
    chosen.unshift(choices[part]!)
    part = from[part]!
  }
  return chosen
}
