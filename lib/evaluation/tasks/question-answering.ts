import { checkKeys, checkOneOf } from '../../check.js'
import { checkHead } from '../../encoder/classify.js'
import type { Encoder } from '../../encoder/encoder.js'
import { tokenizerOptions } from '../../encoder/tokenizer-options.js'
import { type QuestionEncoding, Tokenizer } from '../../tokenizer.js'
import { questionAnswering } from '../question-answering.js'
import { type Question, readSquad } from '../squad.js'
import { type AnswerSpan, bestSpan } from './answer-span.js'
import { bestWindows, questionWindows, type Window, windowTokens } from './question-windows.js'
import { checkNumbers, counted, type RunTask } from './task-run.js'
import { tokenLogits } from './token-logits.js'

/** The reference script's greatest length of a question in tokens; never more than half of what the model takes. */
export const longestQuestion = 64

/** A question while its windows are run. */
type Asked = {
  readonly number: number
  readonly context: string
  readonly tokens: QuestionEncoding['contextTokens']
  readonly best: Int32Array
  span: AnswerSpan | undefined
  /** The lowest score of no answer over the windows. */
  none: number
}

/**
 * The likeliest span of every context against the accepted answers, as the reference SQuAD script finds it: windows of
 * 384 tokens, 128 apart. Where some question of the file has no answer, '' is the answer whose score is higher:
 * both logits of the first special token (Rajpurkar et al., "Know What You Don't Know", 2018).
 */
export const runQuestionAnswering: RunTask = async (encoder, input) => {
  checkHead(encoder, 'questionAnswering', 'evaluate')
  if (input.columns !== undefined) checkKeys('columns', input.columns, [])
  const { format: asked, signal, limit, tell } = input
  const format = asked === undefined ? undefined : checkOneOf('format', asked, ['squad', 'jsonl'])
  const file = await readSquad(input.data, { format, signal })
  const questions = file.questions.slice(0, limit)
  const mayLack = file.questions.some(({ answers }) => answers.length === 0)

  const counts = { cut: 0, split: 0 }
  const predicted = questions.map(() => '')
  const jobs = await windowsOf(encoder, questions, counts)
  for await (const { job, logits } of tokenLogits(encoder, jobs, signal)) {
    const { question } = job
    checkNumbers(logits, `question ${question.number}`)
    addWindow(question, job, logits)
    predicted[question.number] = answerOf(question, mayLack)
    tell(question.number + 1, questions.length)
  }

  const outcomes = questionAnswering(
    predicted,
    questions.map(({ answers }) => answers),
  )
  return { outcomes, truncated: counts.cut, notes: [...file.notes, ...notesOf(counts, mayLack)] }
}

type QuestionWindow = Window & { readonly question: Asked; readonly window: number }

async function windowsOf(
  encoder: Encoder,
  questions: readonly Question[],
  counts: { cut: number; split: number },
): Promise<AsyncIterable<QuestionWindow>> {
  const limit = Math.min(windowTokens, (await encoder.tokenizer()).limit)
  // The encoder's own would cut the context.
  const boundless = await Tokenizer.open(encoder.checkpoint.directory, {
    ...tokenizerOptions(encoder.checkpoint),
    ...{ modelLimit: 2 ** 30, maxLength: 2 ** 30 },
  })
  return (async function* () {
    for (const [number, { question: text, context }] of questions.entries()) {
      const short = await shortened(boundless, text, Math.min(longestQuestion, Math.floor(limit / 2)))
      if (short !== text) counts.cut++
      const encoding = await boundless.encodeQuestion(short, context)
      const windows = questionWindows(encoding, limit)
      if (windows.length > 1) counts.split++
      const best = bestWindows(windows)
      const tokens = encoding.contextTokens
      const question: Asked = { number, context, tokens, best, span: undefined, none: Infinity }
      for (const [window, made] of windows.entries()) yield { ...made, question, window }
    }
  })()
}

/** The question's first tokens, as text. */
export async function shortened(tokenizer: Tokenizer, question: string, most: number): Promise<string> {
  const { contextTokens } = await tokenizer.encodeQuestion('', question)
  return contextTokens.length <= most ? question : question.slice(0, contextTokens[most - 1]!.end)
}

function addWindow(question: Asked, job: QuestionWindow, logits: Float32Array): void {
  const { first, end, contextBegin, window } = job
  const mayBegin = (token: number) => question.best[token] === window
  const span = bestSpan({ logits, first, end, contextBegin, mayBegin })
  if (span !== undefined && span.score > (question.span?.score ?? -Infinity)) question.span = span
  question.none = Math.min(question.none, logits[0]! + logits[1]!)
}

function answerOf({ span, none, tokens, context }: Asked, mayLack: boolean): string {
  if (span === undefined || (mayLack && none > span.score)) return ''
  return context.slice(tokens[span.first]!.begin, tokens[span.last]!.end)
}

function notesOf({ cut, split }: { cut: number; split: number }, mayLack: boolean): string[] {
  return [
    ...(mayLack ? ['Some questions have no answer, so the model may give none.'] : []),
    ...(split > 0 ? [`${counted(split, 'context')} read in several windows.`] : []),
    ...(cut > 0 ? [`${counted(cut, 'question')} cut to its first tokens.`] : []),
  ]
}
