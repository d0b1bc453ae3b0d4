import { type ErrorCode, errorCodes, TwofourError } from '../errors.js'
import type { TokenizerOptions } from '../tokenizer.js'
import type { PackedTexts } from './packed.js'

/** What a tokenizer's thread is started with; then it gets arrays of texts, and answers each with a `Reply`. */
export type Start = { readonly directory: string; readonly options: TokenizerOptions }

/** As `Tokenized`, with errors as they cross between threads. */
export type Reply = { readonly packed: PackedTexts; readonly failures: readonly [number, PlainError][] }

/** An error as plain values: structured cloning would lose its class and its fields. */
export type PlainError = {
  readonly name: string
  readonly message: string
  readonly code?: ErrorCode
  readonly facts?: Readonly<Record<string, unknown>>
}

export function plainError(error: unknown): PlainError {
  if (error instanceof TwofourError) {
    const { name, message, code, facts } = error
    return { name, message, code, facts }
  }
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: String(error) }
}

export function revivedError({ name, message, code, facts = {} }: PlainError): Error {
  if (code !== undefined && errorCodes.includes(code)) return new TwofourError(code, message, facts)
  if (name === 'TypeError') return new TypeError(message)
  return name === 'RangeError' ? new RangeError(message) : new Error(message)
}
