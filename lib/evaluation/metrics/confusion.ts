/** How often gold labels and predicted ones came together: the cells that hold an example, as label indices. */
export type Confusion = {
  readonly cells: readonly { readonly gold: number; readonly predicted: number; readonly count: number }[]
  readonly labels: number
}

/** Per label: how often it was predicted rightly, how often predicted at all, how often it is the gold label. */
export type Margins = {
  readonly right: Float64Array
  readonly predicted: Float64Array
  readonly gold: Float64Array
}

/** Both lists hold label indices below `labels`. */
export function confusionOf(
  predicted: ArrayLike<number>,
  gold: ArrayLike<number>,
  labels: number,
): Confusion {
  const counts = new Map<number, number>()
  for (let i = 0; i < gold.length; i++) {
    const cell = gold[i]! * labels + predicted[i]!
    counts.set(cell, (counts.get(cell) ?? 0) + 1)
  }
  const cells = [...counts].map(([cell, count]) => {
    return { gold: Math.floor(cell / labels), predicted: cell % labels, count }
  })
  return { cells, labels }
}

export function marginsOf({ cells, labels }: Confusion): Margins {
  const margins = emptyMargins(labels)
  for (const { gold, predicted, count } of cells) addTo(margins, gold, predicted, count)
  return margins
}

export function emptyMargins(labels: number): Margins {
  return {
    right: new Float64Array(labels),
    predicted: new Float64Array(labels),
    gold: new Float64Array(labels),
  }
}

/** Counts an example, or a part of one, of that gold label as predicted so. */
export function addTo(margins: Margins, gold: number, predicted: number, weight: number): void {
  margins.gold[gold]! += weight
  margins.predicted[predicted]! += weight
  if (gold === predicted) margins.right[gold]! += weight
}
