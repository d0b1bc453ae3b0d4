import type { Unit } from './units.js'

/** A head or a neuron of a weight set, with its score. */
export type Candidate = Unit & { readonly score: number }

/** How many units go: `count` in all, and of each weight set no more than `spare` says. */
export type Quota = {
  readonly count: number
  readonly spare: ReadonlyMap<number, number>
  /** All that each set has to spare; `count` is their sum. */
  readonly each?: true
}

/** `round(fraction × count)`, half up. */
export function share(fraction: number, count: number): number {
  return Math.floor(fraction * count + 0.5)
}

/** What of a quota is gone after a share of it. */
export function shareOf({ count, spare, each }: Quota, part: number): Quota {
  if (each === undefined) return { count: share(part, count), spare }
  const parts = new Map([...spare].map(([set, most]) => [set, share(part, most)] as const))
  return { count: [...parts.values()].reduce((sum, most) => sum + most, 0), spare: parts, each }
}

/**
 * Lowest score first, or highest where the order is reversed; of equal ones the later first, so that the lower index is
 * kept. `list` is in their order.
 */
export function goingFirst<T extends Candidate>(list: readonly T[], reverse: boolean): T[] {
  const sign = reverse ? -1 : 1
  return list
    .map((candidate, place) => ({ candidate, place }))
    .sort((a, b) => sign * (a.candidate.score - b.candidate.score) || b.place - a.place)
    .map(({ candidate }) => candidate)
}

/** The first `count` candidates, passing over sets that have no more to give. */
export function take<T extends Candidate>(
  order: readonly T[],
  count: number,
  spare: ReadonlyMap<number, number>,
): T[] {
  const left = new Map(spare)
  const taken: T[] = []
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
export function bySet(taken: readonly Unit[]): Map<number, Set<number>> {
  const sets = new Map<number, Set<number>>()
  for (const { set, index } of taken) sets.set(set, (sets.get(set) ?? new Set()).add(index))
  return sets
}
