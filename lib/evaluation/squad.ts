import { extname } from 'node:path'
import { checkOneOf } from '../check.js'
import { entry, field, flagOf, type JsonPlace, listOf, objectOf, textOf } from './json-fields.js'
import { jsonLines } from './rows.js'
import { invalid, linesOf, readSource, type Source } from './source.js'

/** A question on a context. `answers` holds every accepted answer; none means that the context has no answer. */
export type Question = { id: string; question: string; context: string; answers: string[] }

export type Questions = { file: string; questions: Question[]; notes: string[] }

export type SquadOptions = {
  /** `squad` is one nested JSON document, `jsonl` one question a line. @default by the extension and first line */
  format?: 'squad' | 'jsonl' | undefined
  signal?: AbortSignal | undefined
}

/**
 * Reads questions from a SQuAD document (v1.1, or v2.0 with `is_impossible`), or from JSON Lines of
 * `{ question, context, answers, id? }`. Answers are a string, a list of strings, a list of `{ text }`, or
 * `{ text: […] }`.
 *
 * @throws TypeError on bad options; TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, or DATA_INVALID with the place.
 */
export async function readSquad(file: string, { format, signal }: SquadOptions = {}): Promise<Questions> {
  if (format !== undefined) checkOneOf('format', format, ['squad', 'jsonl'])
  const source = await readSource(file, signal)

  const questions = (format ?? told(source)) === 'jsonl' ? lineQuestions(source) : documentQuestions(source)
  if (questions.length === 0) throw invalid(file, undefined, 'Expected at least one question, found none.')
  return { file, questions, notes: [] }
}

function told({ file, text }: Source): 'squad' | 'jsonl' {
  if (['.jsonl', '.ndjson'].includes(extname(file).toLowerCase())) return 'jsonl'
  try {
    const first: unknown = JSON.parse(linesOf(text)[0] ?? '')
    return typeof first === 'object' && first !== null && Object.hasOwn(first, 'question') ? 'jsonl' : 'squad'
  } catch {
    return 'squad'
  }
}

function lineQuestions(source: Source): Question[] {
  return jsonLines(source).map(({ line, value }) => {
    const place: JsonPlace = { file: source.file, line, path: '' }
    const record = objectOf(place, value)
    const id = record.id === undefined ? `line ${line}` : textOf(field(place, 'id'), record.id)
    const context = textOf(field(place, 'context'), record.context)
    return questionOf(place, record, { id, context, unmarked: record.is_impossible === undefined })
  })
}

function documentQuestions({ file, text }: Source): Question[] {
  const root: JsonPlace = { file, path: '' }
  const { data } = objectOf(root, parseDocument(file, text))

  return objectsOf(field(root, 'data'), data).flatMap(([article, atArticle]) =>
    objectsOf(field(atArticle, 'paragraphs'), article.paragraphs).flatMap(([paragraph, atParagraph]) => {
      const context = textOf(field(atParagraph, 'context'), paragraph.context)
      return objectsOf(field(atParagraph, 'qas'), paragraph.qas).map(([record, place]) => {
        const id = textOf(field(place, 'id'), record.id)
        return questionOf(place, record, { id, context, unmarked: false })
      })
    }),
  )
}

function parseDocument(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw invalid(file, undefined, `Expected one JSON document, or one question a line: ${reason}.`)
  }
}

/** A list's objects, each with its place. */
function objectsOf(place: JsonPlace, list: unknown): [Record<string, unknown>, JsonPlace][] {
  return listOf(place, list).map((value, i) => [objectOf(entry(place, i), value), entry(place, i)])
}

/** `unmarked`: the form has no `is_impossible`, so that an empty list of answers says it. */
function questionOf(
  place: JsonPlace,
  record: Record<string, unknown>,
  { id, context, unmarked }: { id: string; context: string; unmarked: boolean },
): Question {
  const question = textOf(field(place, 'question'), record.question)
  if (flagOf(field(place, 'is_impossible'), record.is_impossible)) {
    return { id, question, context, answers: [] }
  }

  const at = field(place, 'answers')
  const answers = answersOf(at, record.answers)
  if (answers.length > 0 || unmarked) return { id, question, context, answers }
  const sentence = `Expected \`${at.path}\` to hold an answer, got none. Mark a question without one by "is_impossible": true.`
  throw invalid(place.file, place.line, sentence, { id })
}

function answersOf(place: JsonPlace, value: unknown): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (Array.isArray(value)) {
    return value.map((answer: unknown, i) => {
      const at = entry(place, i)
      return typeof answer === 'string' ? answer : textOf(field(at, 'text'), objectOf(at, answer).text)
    })
  }
  const at = field(place, 'text')
  return listOf(at, objectOf(place, value).text).map((text, i) => textOf(entry(at, i), text))
}
