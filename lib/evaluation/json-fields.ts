import { describe } from '../check.js'
import { invalid } from './source.js'

/** Where a JSON value stands, for refusals: the file, the line where values are one a line, the path inside. */
export type JsonPlace = { file: string; line?: number; path: string }

/** The place of an object's field. */
export function field(place: JsonPlace, key: string): JsonPlace {
  return { ...place, path: place.path === '' ? key : `${place.path}.${key}` }
}

/** The place of a list's entry. */
export function entry(place: JsonPlace, i: number): JsonPlace {
  return { ...place, path: `${place.path}[${i}]` }
}

/** @throws TwofourError DATA_INVALID when not an object. */
export function objectOf(place: JsonPlace, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw refusal(place, 'an object', value)
}

/** @throws TwofourError DATA_INVALID when not a list. */
export function listOf(place: JsonPlace, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw refusal(place, 'a list', value)
}

/** @throws TwofourError DATA_INVALID when not a string. */
export function textOf(place: JsonPlace, value: unknown): string {
  if (typeof value === 'string') return value
  throw refusal(place, 'a string', value)
}

/** Absent is false. @throws TwofourError DATA_INVALID when neither absent nor true or false. */
export function flagOf(place: JsonPlace, value: unknown): boolean {
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  throw refusal(place, 'true or false', value)
}

function refusal({ file, line, path }: JsonPlace, wanted: string, value: unknown) {
  const what = path === '' ? 'the value' : `\`${path}\``
  return invalid(file, line, `Expected ${what} to be ${wanted}, got ${describe(value)}.`, { path })
}
