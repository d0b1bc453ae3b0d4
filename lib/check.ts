import { inspect } from 'node:util'
import { closest, distance } from 'fastest-levenshtein'

/** "Expected `what` to be wanted, got value." — the one shape of every refusal. */
export function expected(what: string, wanted: string, got: unknown, fix?: string): string {
  return `Expected \`${what}\` to be ${wanted}, got ${describe(got)}.${fix === undefined ? '' : ` ${fix}`}`
}

/** A value as a short piece of a sentence: at most 80 characters. */
export function describe(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  const text = inspect(value, { depth: 1, maxArrayLength: 4, maxStringLength: 60, breakLength: Infinity })
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** " Did you mean `x`?" where one of `names` is near `name`, else "". */
export function nearMiss(name: string, names: readonly string[]): string {
  if (names.length === 0) return ''
  const near = closest(name, names)
  return distance(name.toLowerCase(), near.toLowerCase()) <= Math.max(2, name.length / 3)
    ? ` Did you mean \`${near}\`?`
    : ''
}

/** Refuses a value that is not a plain object, and any key that is not in `known`. @throws TypeError */
export function checkKeys(
  what: string,
  value: unknown,
  known: readonly string[],
): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(expected(what, 'an object', value))
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    throw new TypeError(
      `Unknown key \`${key}\` in \`${what}\`.${nearMiss(key, known) || ` Known: ${known.join(', ')}.`}`,
    )
  }
}

/** @throws TypeError when `value` is not a string of `allowed`. */
export function checkOneOf<T extends string>(what: string, value: unknown, allowed: readonly T[]): T {
  if (typeof value === 'string' && (allowed as readonly string[]).includes(value)) return value as T
  const miss = typeof value === 'string' ? nearMiss(value, allowed).trim() : ''
  throw new TypeError(
    expected(what, `one of ${allowed.map((name) => `'${name}'`).join(', ')}`, value, miss || undefined),
  )
}

/** @throws TypeError when not a whole number, RangeError when outside [low, high]. */
export function checkInteger(what: string, value: unknown, low = 0, high = Number.MAX_SAFE_INTEGER): number {
  const wanted = `a whole number from ${low}${high === Number.MAX_SAFE_INTEGER ? '' : ` to ${high}`}`
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new TypeError(expected(what, wanted, value))
  if (value < low || value > high) throw new RangeError(expected(what, wanted, value))
  return value
}

/** @throws TypeError when not a number, RangeError when outside [low, high]. */
export function checkNumber(what: string, value: unknown, low: number, high: number): number {
  const wanted = `a number from ${low} to ${high}`
  if (typeof value !== 'number' || Number.isNaN(value)) throw new TypeError(expected(what, wanted, value))
  if (value < low || value > high) throw new RangeError(expected(what, wanted, value))
  return value
}

/** @throws TypeError when not a non-empty string. */
export function checkString(what: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(expected(what, 'a non-empty string', value))
  return value
}

/** @throws TypeError when given and not an AbortSignal; `signal.reason` when it is aborted already. */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined
  if (!(signal instanceof AbortSignal)) throw new TypeError(expected('signal', 'an AbortSignal', signal))
  signal.throwIfAborted()
  return signal
}
