import { checkInteger, expected } from '../check.js'

/** Ascending whole numbers up to `high`. @throws TypeError, RangeError */
export function checkAscending(what: string, value: unknown, high: number): number[] {
  let least = 0
  return checkList(what, value).map((index, at) => {
    const checked = checkInteger(`${what}[${at}]`, index, least, high)
    least = checked + 1
    return checked
  })
}

/** @throws TypeError */
export function checkList(what: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  throw new TypeError(expected(what, 'a list', value))
}

/** The entries of an object. @throws TypeError */
export function checkEntries(what: string, value: unknown): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value)
  throw new TypeError(expected(what, 'an object', value))
}
