const punctuation = /[!-/:-@[-`{-~]/g
const articles = /(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu

/** An answer's words as SQuAD compares them: lower case, without ASCII punctuation, without a, an, the. */
export function answerWords(answer: string): string[] {
  const plain = answer.toLowerCase().replace(punctuation, '').replace(articles, ' ')
  return plain.split(/\p{White_Space}+/u).filter((word) => word !== '')
}

/** 1 where the prediction's words are those of an accepted answer, else 0. No answers means that '' is the right one. */
export function exactMatch(predicted: string, answers: readonly string[]): number {
  const words = answerWords(predicted).join(' ')
  return accepted(answers).some((answer) => answer.join(' ') === words) ? 1 : 0
}

/**
 * The best F1, from 0 to 1, of the prediction's words against an accepted answer's (Rajpurkar et al., "SQuAD", 2016,
 * section 6.1; without words on either side 1 or 0, as in "Know What You Don't Know", 2018).
 */
export function answerF1(predicted: string, answers: readonly string[]): number {
  const words = answerWords(predicted)
  return Math.max(...accepted(answers).map((answer) => wordF1(words, answer)))
}

/** The answers' words; those that nothing is left of do not count, and where none remains the right answer is ''. */
function accepted(answers: readonly string[]): string[][] {
  const filled = answers.map(answerWords).filter((words) => words.length > 0)
  return filled.length > 0 ? filled : [[]]
}

function wordF1(predicted: readonly string[], gold: readonly string[]): number {
  if (predicted.length === 0 || gold.length === 0) return predicted.length === gold.length ? 1 : 0

  const left = new Map<string, number>()
  for (const word of gold) left.set(word, (left.get(word) ?? 0) + 1)
  let shared = 0
  for (const word of predicted) {
    const count = left.get(word) ?? 0
    if (count > 0) shared += 1
    left.set(word, count - 1)
  }
  return (2 * shared) / (predicted.length + gold.length)
}
