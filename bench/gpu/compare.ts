/** Largest difference of two arrays, and the largest of the reference. */
export type Apart = { readonly difference: number; readonly largest: number }

export function apart(actual: ArrayLike<number>, reference: ArrayLike<number>): Apart {
  if (actual.length !== reference.length) return { difference: Number.POSITIVE_INFINITY, largest: 0 }
  let difference = 0
  let largest = 0
  for (let i = 0; i < reference.length; i++) {
    const [a, b] = [actual[i]!, reference[i]!]
    const off = Object.is(a, b) ? 0 : Math.abs(a - b)
    if (!(off <= difference)) difference = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off
    largest = Math.max(largest, Math.abs(b))
  }
  return { difference, largest }
}

/** In units of (1 + max|reference|). */
export function relative({ difference, largest }: Apart): number {
  return difference / (1 + largest)
}

/** Counts right and wrong cases, and tells each wrong one. */
export class Tally {
  #right = 0
  #wrong = 0

  add(right: boolean): boolean {
    if (right) this.#right++
    else this.#wrong++
    return right
  }

  get counts(): { cases: number; wrong: number } {
    return { cases: this.#right + this.#wrong, wrong: this.#wrong }
  }

  /** @throws Error if a case was wrong, or there was none */
  close(): void {
    const { cases, wrong } = this.counts
    if (cases === 0) throw new Error('Nothing was compared.')
    if (wrong > 0) throw new Error(`${wrong} of ${cases} cases differ by more than is allowed.`)
  }
}
