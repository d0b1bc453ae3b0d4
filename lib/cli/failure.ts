import { TwofourError } from '../index.js'
import { Stopped } from './signals.js'

/** An error as a sentence, a code for programs, and the exit status. */
export type Failure = { readonly status: number; readonly code: string; readonly message: string }

/**
 * 1 where the work failed, 2 for misuse (`MISUSE`), 128 + n after a signal (`CANCELLED`). What is none of these is
 * our fault: `INTERNAL`, with its stack.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof Stopped) {
    return { status: error.status, code: 'CANCELLED', message: error.message }
  }
  if (error instanceof TwofourError) return { status: 1, code: error.code, message: error.message }
  if (error instanceof TypeError || error instanceof RangeError) {
    return { status: 2, code: 'MISUSE', message: error.message }
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { status: 1, code: 'INTERNAL', message: `This should not happen, please report it: ${text}` }
}
