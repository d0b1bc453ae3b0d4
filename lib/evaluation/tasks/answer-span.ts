/** The reference SQuAD script's settings: candidates for either end, and the longest answer in tokens. */
const candidates = 20
const longestAnswer = 30

/** Context tokens from `first` to `last`, both included. */
export type AnswerSpan = { readonly first: number; readonly last: number; readonly score: number }

/** A window's logits `[tokens, 2]` and what of it is context. */
export type SpanWindow = {
  readonly logits: Float32Array
  readonly first: number
  readonly end: number
  readonly contextBegin: number
  /** Whether an answer may begin at this context token in this window. */
  readonly mayBegin: (token: number) => boolean
}

/**
 * The span with the highest sum of its first token's start logit and its last token's end logit, both being among the
 * window's 20 highest; undefined where none of these are a span of at most 30 context tokens.
 */
export function bestSpan(window: SpanWindow): AnswerSpan | undefined {
  const { logits, first, end, contextBegin, mayBegin } = window
  const isContext = (token: number) => token >= first && token < end
  const tokensOf = (column: 0 | 1) =>
    highest(logits, column)
      .map((row) => ({ token: row - contextBegin + first, score: logits[2 * row + column]! }))
      .filter(({ token }) => isContext(token))

  const ends = tokensOf(1)
  let best: AnswerSpan | undefined
  for (const start of tokensOf(0)) {
    if (!mayBegin(start.token)) continue
    for (const last of ends) {
      if (last.token < start.token || last.token - start.token >= longestAnswer) continue
      const score = start.score + last.score
      if (best === undefined || score > best.score) best = { first: start.token, last: last.token, score }
    }
  }
  return best
}

/** The rows with the highest logits of a column, the highest first, of equal ones the lower row. */
function highest(logits: Float32Array, column: 0 | 1): number[] {
  const rows = Array.from({ length: logits.length / 2 }, (_, row) => row)
  const at = (row: number) => logits[2 * row + column]!
  return rows.sort((a, b) => at(b) - at(a) || a - b).slice(0, candidates)
}
