import { errorCodes, type Progress, TwofourError } from '../index.js'
import type { Facts, RanForm, Work } from './subject.js'

/** What the process of a subject is asked, one after another. */
export type Request =
  | { readonly kind: 'open'; readonly module: string; readonly settings: unknown }
  | { readonly kind: 'tokenise'; readonly texts: readonly string[] }
  | { readonly kind: 'work'; readonly works: readonly Work[] }
  | { readonly kind: 'output'; readonly work: number }
  | { readonly kind: 'sample'; readonly work: number; readonly seconds: number }

/** The answer to each. */
export type Answers = {
  open: Facts & { readonly peakBytes: number; readonly restBytes: number }
  tokenise: number[][]
  /** For each work. */
  work: RanForm[][]
  output: Float32Array
  /** Seconds for the whole work. */
  sample: number
}

export type Answer =
  | { readonly progress: Progress }
  | { readonly value: unknown }
  | { readonly error: PlainError }

type PlainError = {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly facts?: Readonly<Record<string, unknown>>
}

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message, stack } = error
  if (error instanceof TwofourError) return { name, message, code: error.code, facts: error.facts }
  const misuse = error instanceof TypeError || error instanceof RangeError
  return { name, message: misuse ? message : (stack ?? message) }
}

export function errorOf({ name, message, code, facts }: PlainError): Error {
  const known = errorCodes.find((each) => each === code)
  if (known !== undefined) return new TwofourError(known, message, { ...facts })
  if (name === 'TypeError') return new TypeError(message)
  return name === 'RangeError' ? new RangeError(message) : new Error(message)
}
