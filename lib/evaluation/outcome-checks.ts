import { checkInteger, expected } from '../check.js'

/** @throws RangeError when two lists that stand for the same examples differ in length. */
export function checkSameLength(
  name: string,
  list: ArrayLike<unknown>,
  otherName: string,
  other: ArrayLike<unknown>,
): void {
  if (list.length === other.length) return
  throw new RangeError(
    expected(`${name}.length`, `${other.length}, as many as \`${otherName}\``, list.length),
  )
}

/** @throws RangeError when the lists differ in length, or there is no example. */
export function checkExamples(
  name: string,
  list: ArrayLike<unknown>,
  otherName: string,
  other: ArrayLike<unknown>,
): void {
  if (other.length === 0) throw new RangeError(expected(`${otherName}.length`, 'at least 1', 0))
  checkSameLength(name, list, otherName, other)
}

/** @throws RangeError when an entry is not a finite number. */
export function checkFinite(name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue
    throw new RangeError(expected(`${name}[${i}]`, 'a finite number', values[i]))
  }
}

/** @throws TypeError or RangeError when an entry is not a whole number from 0 to `high`. */
export function checkWhole(name: string, values: ArrayLike<number>, high?: number): void {
  for (let i = 0; i < values.length; i++) checkInteger(`${name}[${i}]`, values[i], 0, high)
}
