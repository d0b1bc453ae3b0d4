import { checkKeys, checkOneOf } from '../../check.js'
import { type Question, readSquad } from '../../evaluation/squad.js'
import { longestQuestion, shortened } from '../../evaluation/tasks/question-answering.js'
import { questionWindows, type Window, windowTokens } from '../../evaluation/tasks/question-windows.js'
import type { QuestionEncoding } from '../../tokenizer.js'
import { openTokenizer, type ReadExamples } from '../source.js'

type Tokens = { readonly first: number; readonly last: number }

/**
 * Questions with that window of their context, 384 tokens long, that holds the first place of an accepted answer;
 * where there is no answer, the first window.
 */
export const readQuestionAnswering: ReadExamples = async (checkpoint, file, options) => {
  if (options.columns !== undefined) checkKeys('columns', options.columns, [])
  const format =
    options.format === undefined ? undefined : checkOneOf('format', options.format, ['squad', 'jsonl'])
  const { questions, notes } = await readSquad(file, { format, signal: options.signal })
  const limit = Math.min(windowTokens, (await openTokenizer(checkpoint)).limit)
  const tokenizer = await openTokenizer(checkpoint, true)

  const encode = async (index: number) => {
    const question = questions[index]!
    const most = Math.min(longestQuestion, Math.floor(limit / 2))
    const asked = await shortened(tokenizer, question.question, most)
    const encoding = await tokenizer.encodeQuestion(asked, question.context)
    const windows = questionWindows(encoding, limit)
    const answer = placeOf(question, encoding)
    const window = windows.find((each) => holds(each, answer)) ?? windows[0]!
    const truncated = asked !== question.question || windows.length > 1
    return { sequences: [window.sequence], labels: spanOf(question, window, answer), truncated }
  }
  return { count: questions.length, kind: 'spans', notes, encode }
}

/** The tokens of the context in which an answer first stands. */
function placeOf({ context, answers }: Question, { contextTokens }: QuestionEncoding): Tokens | undefined {
  const [answer] = answers.filter((text) => text !== '' && context.includes(text))
  if (answer === undefined) return undefined
  const begin = context.indexOf(answer)
  const end = begin + answer.length
  const first = contextTokens.findIndex((token) => token.end > begin)
  const last = contextTokens.findLastIndex((token) => token.begin < end)
  return first < 0 || last < first ? undefined : { first, last }
}

function holds({ first, end }: Window, answer: Tokens | undefined): boolean {
  return answer !== undefined && answer.first >= first && answer.last < end
}

function spanOf({ answers }: Question, window: Window, answer: Tokens | undefined): number[] {
  if (answers.length === 0) return [0, 0]
  if (answer === undefined || !holds(window, answer)) return [-1, -1]
  const begin = window.contextBegin - window.first
  return [begin + answer.first, begin + answer.last]
}
