import { inspect } from 'node:util'
import { TwofourError } from '../index.js'
import { readBytes, utf8 } from './texts.js'

/** One sequence of a file of token ids. */
export type IdSequence = { readonly inputIds: readonly number[]; readonly tokenTypeIds?: readonly number[] }

const form =
  'Write an array of arrays of token ids, or of objects { "input_ids": […], "token_type_ids": […] }.'

/**
 * Reads a JSON array of arrays of token ids, or of `{ input_ids, token_type_ids }`. Whether the ids are in the
 * vocabulary is for the encoder to say.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, or DATA_INVALID naming the place
 */
export async function readIds(file: string, signal: AbortSignal): Promise<IdSequence[]> {
  const value = parse(file, utf8(await readBytes(file, 'token ids as JSON', signal), `\`${file}\``))
  if (!Array.isArray(value)) throw invalid(file, 'the value', 'an array', value)
  return value.map((sequence: unknown, at) => readSequence(file, `[${at}]`, sequence))
}

function readSequence(file: string, at: string, value: unknown): IdSequence {
  if (Array.isArray(value)) return { inputIds: readNumbers(file, at, value) }
  if (typeof value !== 'object' || value === null) {
    throw invalid(file, at, 'an array of token ids or an object with `input_ids`', value)
  }
  const { input_ids: ids, token_type_ids: types, ...others } = value as Record<string, unknown>
  const [other] = Object.keys(others)
  if (other !== undefined) throw unknownKey(file, at, other)
  const inputIds = readNumbers(file, `${at}.input_ids`, ids)
  if (types === undefined) return { inputIds }
  return { inputIds, tokenTypeIds: readNumbers(file, `${at}.token_type_ids`, types) }
}

function readNumbers(file: string, at: string, value: unknown): number[] {
  if (!Array.isArray(value)) throw invalid(file, at, 'an array of whole numbers', value)
  const wrong = value.findIndex((number) => !Number.isInteger(number))
  if (wrong < 0) return value
  throw invalid(file, `${at}[${wrong}]`, 'a whole number', value[wrong])
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `Expected \`${file}\` to be JSON, got: ${reason}. ${form}`
    throw new TwofourError('DATA_INVALID', message, { file }, { cause })
  }
}

function unknownKey(file: string, at: string, key: string): TwofourError {
  const why =
    key === 'attention_mask'
      ? 'Batches are never padded: leave the padding and the mask out.'
      : 'Known: input_ids, token_type_ids.'
  return new TwofourError('DATA_INVALID', `${file}: Unknown key \`${key}\` in \`${at}\`. ${why}`, {
    file,
    place: at,
  })
}

function invalid(file: string, place: string, wanted: string, got: unknown): TwofourError {
  const shown = inspect(got, { depth: 0, maxArrayLength: 4, maxStringLength: 40, breakLength: Infinity })
  const message = `${file}: Expected ${place === 'the value' ? place : `\`${place}\``} to be ${wanted}, got ${shown}. ${form}`
  return new TwofourError('DATA_INVALID', message, { file, place })
}
