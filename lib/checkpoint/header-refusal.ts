import { describe } from '../check.js'
import { type ErrorCode, TwofourError } from '../errors.js'

/** Where in a file a rule was broken: a part of every refusal's sentence, and its facts. */
export type Place = {
  readonly file: string
  /** A key of the header's object. */
  readonly tensor?: string | undefined
  /** A key under that, or another part of the file. */
  readonly field?: string | undefined
}

/** "Expected `bert.safetensors, 'pooler', shape` to be wanted, got this. fix", with the place as facts. */
export function refusal(
  code: ErrorCode,
  place: Place,
  wanted: string,
  got: string,
  fix = '',
  facts: Record<string, unknown> = {},
): TwofourError {
  const message = `Expected \`${sayPlace(place)}\` to be ${wanted}, got ${got}. ${fix}`.trimEnd()
  return new TwofourError(code, message, { ...known(place), ...facts })
}

function sayPlace({ file, tensor, field }: Place): string {
  const parts = [file]
  if (tensor !== undefined) parts.push(describe(tensor))
  if (field !== undefined) parts.push(field.length > 60 ? describe(field) : field)
  return parts.join(', ')
}

function known(place: Place): Record<string, unknown> {
  return Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined))
}
