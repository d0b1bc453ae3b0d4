import type { ExecutionContext } from 'ava'

type Numbers = ArrayLike<number>

/** Where two arrays differ most. */
export type Difference = {
  /** max|actual − reference|; Infinity where a NaN meets a number. */
  readonly largest: number
  readonly at: number
  /** max|reference| */
  readonly scale: number
}

export function difference(actual: Numbers, reference: Numbers): Difference {
  let largest = 0
  let at = 0
  let scale = 0
  for (let i = 0; i < reference.length; i++) {
    const [a, b] = [actual[i]!, reference[i]!]
    const apart = Object.is(a, b) ? 0 : Math.abs(a - b)
    if (Number.isNaN(apart) || apart > largest) {
      largest = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart
      at = i
      if (largest === Number.POSITIVE_INFINITY) break
    }
    scale = Math.max(scale, Math.abs(b))
  }
  return { largest, at, scale }
}

/**
 * Passes where max|actual − reference| ≤ `allowed`. A failure says which element is the worst, by its place in
 * `dims`.
 * @returns max|actual − reference|
 */
export function closeWithin(
  t: ExecutionContext,
  actual: Numbers | undefined,
  reference: Numbers,
  allowed: number,
  what: string,
  dims: readonly number[] = [reference.length],
): number {
  if (actual?.length !== reference.length) {
    t.fail(`${what}: ${actual?.length} numbers, not ${reference.length}`)
    return Number.POSITIVE_INFINITY
  }
  const { largest, at } = difference(actual, reference)
  if (largest <= allowed) {
    t.pass()
  } else {
    const place = placeOf(at, dims).join(', ')
    t.fail(`${what}: ${actual[at]} at [${place}], not ${reference[at]}; ${largest} apart, ${allowed} allowed`)
  }
  return largest
}

/**
 * "Equal within tol": max|actual − reference| ≤ tolerance × (1 + max|reference|).
 * @returns the difference in units of (1 + max|reference|)
 */
export function equalWithin(
  t: ExecutionContext,
  actual: Numbers | undefined,
  reference: Numbers,
  tolerance: number,
  what: string,
  dims?: readonly number[],
): number {
  const unit = 1 + difference(reference, reference).scale
  return closeWithin(t, actual, reference, tolerance * unit, what, dims) / unit
}

/** Passes where every number is the same, bit for bit but for the sign of zero. */
export function equalExactly(
  t: ExecutionContext,
  actual: Numbers | undefined,
  reference: Numbers,
  what: string,
  dims?: readonly number[],
): void {
  closeWithin(t, actual, reference, 0, what, dims)
}

function placeOf(index: number, dims: readonly number[]): number[] {
  let left = index
  return dims
    .toReversed()
    .map((size) => {
      const at = left % size
      left = Math.floor(left / size)
      return at
    })
    .toReversed()
}
