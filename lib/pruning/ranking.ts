/** A head or a neuron of a weight set, with its score. */
export type Candidate = { readonly set: number; readonly index: number; readonly score: number }

/** `round(fraction × count)`, half up. */
export function share(fraction: number, count: number): number {
  return Math.floor(fraction * count + 0.5)
}

/**
 * Lowest score first, or highest where the order is reversed; of equal ones the later first, so that the lower index is
 * kept. `list` is in their order.
 */
export function goingFirst(list: readonly Candidate[], reverse: boolean): Candidate[] {
  const sign = reverse ? -1 : 1
  return list
    .map((candidate, place) => ({ candidate, place }))
    .sort((a, b) => sign * (a.candidate.score - b.candidate.score) || b.place - a.place)
    .map(({ candidate }) => candidate)
}

/** The first `count` candidates, passing over sets that have no more to give. */
export function take(
  order: readonly Candidate[],
  count: number,
  spare: ReadonlyMap<number, number>,
): Candidate[] {
  const left = new Map(spare)
  const taken: Candidate[] = []
  for (const candidate of order) {
    if (taken.length === count) break
    const more = left.get(candidate.set) ?? 0
    if (more <= 0) continue
    left.set(candidate.set, more - 1)
    taken.push(candidate)
  }
  return taken
}

/** Weight set → what was taken from it. */
export function bySet(taken: readonly Candidate[]): Map<number, Set<number>> {
  const sets = new Map<number, Set<number>>()
  for (const { set, index } of taken) sets.set(set, (sets.get(set) ?? new Set()).add(index))
  return sets
}
