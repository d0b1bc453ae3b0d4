import { TwofourError } from '../../errors.js'
import type { QuestionEncoding } from '../../tokenizer.js'
import type { Job } from './token-logits.js'

/** The reference script's settings: tokens of a window, and from one window's begin to the next's. */
export const windowTokens = 384
export const windowStep = 128

/** A question with a part of its context. */
export type Window = Job & {
  /** The window's first and last-but-one context token, as indices into `contextTokens`. */
  readonly first: number
  readonly end: number
  /** Where in the window the context begins. */
  readonly contextBegin: number
}

/**
 * A question with its whole context as windows of at most `limit` tokens, each with the question before it; one window
 * where everything fits, and also where the context is empty.
 * @throws TwofourError TASK_UNSUPPORTED where the question leaves no room for the context
 */
export function questionWindows(encoding: QuestionEncoding, limit: number, step = windowStep): Window[] {
  const { inputIds, tokenTypeIds, contextTokens } = encoding
  const n = contextTokens.length
  const room = limit - (inputIds.length - n)
  if (room < 1) {
    throw new TwofourError(
      'TASK_UNSUPPORTED',
      `The model takes ${limit} tokens, which leave no room for a context beside the question. Use a longer model or \`maxLength\`.`,
      { limit },
    )
  }

  const contextBegin = contextTokens[0]?.index ?? inputIds.length
  const part = <T>(all: readonly T[], first: number, end: number): T[] => [
    ...all.slice(0, contextBegin),
    ...all.slice(contextBegin + first, contextBegin + end),
    ...all.slice(contextBegin + n),
  ]
  const hasTypes = tokenTypeIds.some((type) => type !== 0)
  const windows: Window[] = []
  for (let first = 0; ; first += Math.min(step, room)) {
    const end = Math.min(first + room, n)
    const ids = part(inputIds, first, end)
    const sequence = hasTypes ? { inputIds: ids, tokenTypeIds: part(tokenTypeIds, first, end) } : ids
    windows.push({ sequence, tokens: ids.length, first, end, contextBegin })
    if (end === n) return windows
  }
}

/**
 * For every context token the window that shows most of its surroundings: an answer may begin there only in that one
 * (Devlin et al., "BERT", 2019, the reference SQuAD script's "max context").
 */
export function bestWindows(windows: readonly Window[]): Int32Array {
  const best = new Int32Array(windows.at(-1)!.end)
  for (const token of best.keys()) {
    let highest = -Infinity
    for (const [k, { first, end }] of windows.entries()) {
      if (token < first || token >= end) continue
      const score = Math.min(token - first, end - 1 - token) + 0.01 * (end - first)
      if (score > highest) best[token] = k
      highest = Math.max(highest, score)
    }
  }
  return best
}
